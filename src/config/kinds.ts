import { isIP } from 'node:net'

/** A form that a setting's value may have. */
export interface Kind<T> {
  /** Completes "wanted …". */
  readonly wanted: string
  /** The value, or undefined if it has not this form. Lists and numbers come from TOML as such. */
  fromToml(value: unknown): T | undefined
  /** The same from an environment variable or a command line, where everything is text. */
  fromText(text: string): T | undefined
}

/** A place to listen at. */
export interface HostAndPort {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

const PORT_MAX = 65_535

function textual<T>(wanted: string, read: (text: string) => T | undefined): Kind<T> {
  return { wanted, fromToml: (value) => (typeof value === 'string' ? read(value) : undefined), fromText: read }
}

function matching(wanted: string, pattern: RegExp): Kind<string> {
  return textual(wanted, (text) => (pattern.test(text) ? text : undefined))
}

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): Kind<number> {
  const check = (value: number) => (Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined)
  return {
    wanted: `a whole number from ${min} to ${max}`,
    fromToml: (value) => (typeof value === 'number' ? check(value) : undefined),
    fromText: (text) => (/^\d{1,16}$/.test(text) ? check(Number(text)) : undefined),
  }
}

/** A whole number, or the word `unlimited`, which is read as Infinity. */
export function integerOrUnlimited(min: number, max: number): Kind<number> {
  const bounded = integer(min, max)
  const unlimited = (value: unknown) => (value === 'unlimited' ? Number.POSITIVE_INFINITY : undefined)
  return {
    wanted: `${bounded.wanted}, or "unlimited"`,
    fromToml: (value) => unlimited(value) ?? bounded.fromToml(value),
    fromText: (text) => unlimited(text) ?? bounded.fromText(text),
  }
}

/** Yes or no. */
export const boolean: Kind<boolean> = {
  wanted: 'true or false',
  fromToml: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
}

/** One of a few words. */
export function oneOf<const W extends string>(words: readonly W[]): Kind<W> {
  return textual(`one of ${words.map((word) => `"${word}"`).join(', ')}`, (text) => words.find((word) => word === text))
}

/** A list; in the environment its members are parted by commas. */
export function listOf<T>(member: Kind<T>, countMax: number): Kind<readonly T[]> {
  const all = (values: (T | undefined)[]) => {
    const right = values.filter((value) => value !== undefined)
    return right.length === values.length && values.length <= countMax ? right : undefined
  }
  return {
    wanted: `a list of at most ${countMax}, each ${member.wanted}`,
    fromToml: (value) => (Array.isArray(value) ? all(value.map((one) => member.fromToml(one))) : undefined),
    fromText: (text) =>
      all(
        text
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== '')
          .map((part) => member.fromText(part)),
      ),
  }
}

/** A name of the operator's choosing; it may stand in an address. */
export const name = matching(
  'a name of 1 to 64 letters, digits, dots, underscores and hyphens that begins with a letter or digit',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
)

/** A word or a few, of an operator's or a provider's choosing. */
export const text = matching('a text of 1 to 200 characters', /^[^\p{C}]{1,200}$/u)

/** An id that the platform gave: digits, too many for a number, so written as text. */
export const digits = matching('a text of 1 to 32 digits, in quotes', /^\d{1,32}$/)

/** ITU-T E.164: a plus sign, a country code, at most 15 digits. */
export const phone = matching('a phone number in E.164 form, such as "+15550783881"', /^\+[1-9]\d{6,14}$/)

/** The platform's API versions, such as v25.0. */
export const graphVersion = matching('a version such as "v25.0"', /^v\d{1,3}\.\d{1,3}$/)

/** A file or folder. A NUL would cut the name short. */
export const filePath = matching('a path', /^[^\0]{1,4096}$/)

/** A name or address that can be listened at or connected to. */
export const host = textual('a host name or an IP address', readHost)

/** A name, not an address. */
export const hostName = textual('a host name', (text) => (isHostName(text) ? text.toLowerCase() : undefined))

/** 0 means any free port. */
export const port = integer(0, PORT_MAX)

/** `host:port`, an IPv6 address in brackets. */
export const hostAndPort: Kind<HostAndPort> = textual('host:port, such as "127.0.0.1:9090" or "[::1]:9090"', (text) => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const readPort = port.fromText(match?.[3] ?? '')
  const named = match?.[1] ?? match?.[2] ?? ''
  const inBrackets = match?.[1] !== undefined
  if (readPort === undefined || readHost(named) === undefined || inBrackets !== (isIP(named) === 6)) return undefined
  return { host: named, port: readPort }
})

/** The base of a web service, without a slash at its end. */
export const webUrl = textual('an http or https address without user, query and fragment', (text) => {
  const url = readWebUrl(text)
  return url && `${url.origin}${url.pathname}`.replace(/\/+$/, '')
})

/** The issuer of a single sign-on, exactly as its provider writes it: TLS, or this machine. */
export const issuer = textual('an https address without user, query and fragment', (text) => {
  const url = readWebUrl(text)
  const isLocal = url?.hostname === 'localhost' || url?.hostname === '127.0.0.1'
  return url && (url.protocol === 'https:' || isLocal) ? text : undefined
})

/** Which role somebody of a group gets. */
export interface GroupRole {
  group: string
  role: string
}

/** A group at the provider, and one of our roles. */
export const groupRole: Kind<GroupRole> = textual('a group and a role, such as "desk-leads = supervisor"', (text) => {
  const match = /^\s*(\S[^=]{0,199}?)\s*=\s*(\S.{0,49}?)\s*$/.exec(text)
  return match?.[1] && match[2] ? { group: match[1], role: match[2] } : undefined
})

/** What a browser sends as Origin: scheme, host and port. */
export const origin = textual('an http or https address without a path, such as "https://chat.example.com"', (text) => {
  const url = readWebUrl(text)
  return url?.pathname === '/' ? url.origin : undefined
})

/** A network, such as 10.0.0.0/8; an address alone stands for itself. */
export const network = textual('a network such as "10.0.0.0/8" or "fd00::/8"', (text) => {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined
  const bitsMax = version === 4 ? 32 : 128
  const readBits = bits === undefined ? bitsMax : integer(0, bitsMax).fromText(bits)
  return readBits === undefined ? undefined : `${address}/${readBits}`
})

/** A name with all below it, or a network of addresses. */
export const hostOrNetwork = textual('a host name, or a network such as "10.0.0.0/8"', (text) => {
  return network.fromText(text) ?? hostName.fromText(text.replace(/^\./, ''))
})

/** An outgoing proxy: user and password, if any, percent-encoded. */
export const proxyUrl = textual('an address such as "http://user:password@proxy.example.com:3128"', (text) => {
  if (!/^https?:\/\/[^\s/?#\\]+\/?$/i.test(text)) return undefined
  const url = URL.parse(text)
  return url && url.hostname !== '' ? url.href.replace(/\/$/, '') : undefined
})

/** A secret after it was fetched: it travels in headers and query parameters. */
export const secretText = matching('a text of 1 to 4096 visible ASCII characters', /^[\x21-\x7e]{1,4096}$/)

const MASTER_KEY_BYTES = 32

/** The bytes of a master key file's content, or undefined if it has neither of the two forms. */
export function readMasterKey(content: string): Uint8Array | undefined {
  const text = content.trim()
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
  return bytes.length === MASTER_KEY_BYTES ? bytes : undefined
}

function readHost(text: string): string | undefined {
  return isIP(text) !== 0 || isHostName(text) ? text : undefined
}

/** RFC 1123: labels of letters, digits and inner hyphens. A last label of digits alone would be a wrong IPv4 address. */
function isHostName(text: string): boolean {
  if (text.length > 253 || /(^|\.)\d+$/.test(text)) return false
  return text.split('.').every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
}

function readWebUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(text) || /[?#@\\]/.test(text)) return undefined
  return URL.parse(text) ?? undefined
}
