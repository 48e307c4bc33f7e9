import { Failure } from '../core/failure.ts'
import { keyedHash } from '../vault/sealing.ts'

export const PASSWORD_CHARS_MIN = 12
export const PASSWORD_CHARS_MAX = 200
/** OWASP's least for Argon2id: 19 MiB, two passes, one lane. About 25 ms here. */
const ARGON2 = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const
/** What has to be left once everything that anybody would try first is taken out. */
const LEFT_MIN = 5

/** Words that most guessed passwords are made of, and rows of the keyboard; longer ones first. */
const COMMON =
  'gatehouse administrator whatsapp passwort password passwd kennwort qwertyuiop qwertzuiop asdfghjkl yxcvbnm zxcvbnm qwerty qwertz asdfgh azerty iloveyou princess sunshine football baseball superman starwars welcome willkommen changeme letmein default standard geheim secret dragon monkey master shadow michael jordan summer sommer winter spring autumn login admin owner guest hello hallo access trustno test user pass love root abcdefghijklmnop abcdefgh abcdef abcd abc'.split(
    ' ',
  )
const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/**
 * Throws `Failure('invalid')` for a password that is too short, or that is made of what everybody tries first: common
 * words, rows of keys, years, repeated signs, or who it belongs to. No rule wants certain kinds of signs.
 */
export function requireGoodPassword(password: unknown, path: string, personal: readonly string[]): string {
  const wrong = (wanted: string) => new Failure('invalid', `Wrong member: ${path} must be ${wanted}`, { path })
  if (typeof password !== 'string') throw wrong('a text')
  const count = [...password].length
  if (count < PASSWORD_CHARS_MIN || count > PASSWORD_CHARS_MAX)
    throw wrong(`a password of ${PASSWORD_CHARS_MIN} to ${PASSWORD_CHARS_MAX} characters`)
  if (leftOf(password, personal) < LEFT_MIN)
    throw wrong('a password that is not made of common words, rows of keys, or who you are')
  return password
}

/** How many different signs are left without what is common. */
function leftOf(password: string, personal: readonly string[]): number {
  const plain = password.normalize('NFKC').toLowerCase()
  const own = personal.flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u)).filter((word) => word.length > 2)
  return Math.min(...[plain, plain.replaceAll(/[013457@$!]/g, (sign) => LEET[sign] ?? sign)].map(left))

  function left(text: string): number {
    let rest = text
    for (const word of [...own, ...COMMON]) rest = rest.replaceAll(word, '')
    // Years, digits in a row, and signs that are repeated say little.
    rest = rest.replaceAll(/(.)\1+/gu, '$1').replaceAll(/(?:19|20)\d\d|0?1?23456?7?8?9?0?|9?8?7?6?54321/g, '')
    return new Set(rest.replaceAll(/[^\p{L}\p{N}]/gu, '')).size
  }
}

/**
 * Hashes and compares passwords, a few at a time: each takes a core for its time and 19 MiB. They are hashed with a key
 * first, so that whoever takes the file without the vault has nothing to try passwords against.
 */
export class PasswordHashing {
  readonly #key: Uint8Array
  readonly #atOnce: number
  readonly #waitingMax: number
  #running = 0
  readonly #waiting: (() => void)[] = []
  #nobodys: Promise<string> | undefined

  constructor(key: Uint8Array, { atOnce, waitingMax }: { atOnce: number; waitingMax: number }) {
    this.#key = key
    this.#atOnce = atOnce
    this.#waitingMax = waitingMax
  }

  async hash(password: string): Promise<string> {
    return await this.#oneOfFew(() => Bun.password.hash(this.#keyed(password), ARGON2))
  }

  /** Where there is no hash it takes as long, and is never the same. */
  async isSame(password: string, hash: string | null): Promise<boolean> {
    this.#nobodys ??= Bun.password.hash(this.#keyed(crypto.randomUUID()), ARGON2)
    const against = hash ?? (await this.#nobodys)
    const isSame = await this.#oneOfFew(() => Bun.password.verify(this.#keyed(password), against))
    return isSame && hash !== null
  }

  #keyed(password: string): string {
    return Buffer.from(keyedHash(this.#key, 'password', password.normalize('NFKC'))).toString('base64')
  }

  async #oneOfFew<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingMax)
        throw new Failure('unavailable', 'Too many people sign in at once', { retry_after_ms: 2_000 })
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
