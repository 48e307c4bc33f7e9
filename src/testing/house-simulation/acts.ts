import { readId } from '../../core/ids.ts'
import type { View } from '../../records/views.ts'
import type { Platform } from '../../simulator/platform.ts'
import { SEES_ALL } from '../open-test-book.ts'
import { PLAIN_MARK } from './audit.ts'
import type { Chance } from './chance.ts'
import type { SimulatedProcess } from './simulated-process.ts'

const EMOJIS = ['👍', '❤️', '🎉'] as const
/** Messages that something may still be done to. */
const TARGETS_MAX = 20

interface Deed {
  id: string
  kind: 'reaction' | 'edit' | 'revoke'
  /** The platform's stamp: whole seconds. */
  second: number
  /** The emoji, or null where it is taken back; the new text. */
  says: string | null
}

interface Target {
  id: string
  phone: string
  number: string
  /** By the customer, who may also change it and take it back. */
  isTheirs: boolean
}

export interface ActsOptions {
  chance: Chance
  platform: Platform
  note(what: string): void
  fail(what: string): void
}

/** What customers do to messages, and whether the house shows it in the end: by the platform's time, whatever the order. */
export class Acts {
  readonly #options: ActsOptions
  readonly #targets: Target[] = []
  readonly #deeds = new Map<string, Deed[]>()
  #done = 0

  constructor(options: ActsOptions) {
    this.#options = options
  }

  /** Messages that a customer wrote. */
  wrote(phone: string, number: string, ids: readonly string[]): void {
    for (const id of ids) this.#offer({ id, phone, number, isTheirs: true })
  }

  /** Some customer does something to some message, of theirs or of ours. */
  act(phones: readonly string[]): void {
    const { chance, platform, note } = this.#options
    if (chance.is(0.3)) this.#offerOurs(chance.of(phones))
    if (this.#targets.length === 0) return
    const target = chance.of(this.#targets)
    const kind = target.isTheirs ? chance.of(['reaction', 'reaction', 'edit', 'edit', 'revoke'] as const) : 'reaction'
    const second = Math.floor(platform.clock.epochMs() / 1000)
    const says = this.#saying(kind)
    const [id = ''] = platform.write(target.phone, { number: target.number, message: messageOf(kind, target.id, says) })
    this.#deeds.set(target.id, [...(this.#deeds.get(target.id) ?? []), { id, kind, second, says }])
    note(`${kind} ${id} to ${target.id}`)
  }

  /** At the end, when everything has been delivered. */
  async check(process: SimulatedProcess, isAcknowledged: (id: string) => boolean): Promise<void> {
    const views = await allMessages(process)
    const sentTwice = this.#sentTwice()
    for (const [target, deeds] of this.#deeds) {
      const view = views.get(target)
      // Of what was sent twice the house knows the last by its id.
      if (!view || sentTwice.has(target) || !deeds.every(({ id }) => isAcknowledged(id))) continue
      this.#done += 1
      this.#checkOne(target, deeds, view)
    }
    this.#options.note(`${this.#done} messages to which something was done`)
  }

  #checkOne(target: string, deeds: readonly Deed[], view: View): void {
    const fail = (what: string, wanted: unknown, shown: unknown) =>
      this.#options.fail(`${what} of ${target} is ${JSON.stringify(shown)}, not ${JSON.stringify(wanted)}`)
    const theirs = ((view['reactions'] ?? []) as View[]).filter(({ by }) => by === 'customer')
    const emoji = theirs[0]?.['emoji'] ?? null
    const reactions = lastOf(deeds, 'reaction')
    const wanted = reactions.length === 0 ? [null] : reactions
    if (theirs.length > 1 || !wanted.includes(emoji as string | null)) fail('the reaction', wanted, theirs)
    const texts = lastOf(deeds, 'edit')
    const text = (view['text'] as View | undefined)?.['body']
    if (texts.length > 0 && !texts.includes(text as string)) fail('the text', texts, text)
    if ((view['edited_at'] === undefined) !== (texts.length === 0)) fail('the edit', texts, view['edited_at'])
    const isRevoked = lastOf(deeds, 'revoke').length > 0
    if ((view['revoked'] === 'kept') !== isRevoked) fail('the revoke', isRevoked, view['revoked'])
  }

  #saying(kind: Deed['kind']): string | null {
    const { chance } = this.#options
    if (kind === 'revoke') return null
    if (kind === 'edit') return `${PLAIN_MARK} edited ${chance.between(1, 1_000_000)}`
    return chance.is(0.3) ? null : chance.of(EMOJIS)
  }

  /** The latest that was sent to a customer: they may react before the house knows its id. */
  #offerOurs(phone: string): void {
    const { chance, platform } = this.#options
    const number = chance.of(platform.numbers).phoneNumberId
    const messages = platform.customers.find(phone)?.chats.get(number)?.messages ?? []
    const last = messages.findLast(({ direction }) => direction === 'received')
    if (last) this.#offer({ id: last.id, phone, number, isTheirs: false })
  }

  #offer(target: Target): void {
    if (this.#targets.some(({ id }) => id === target.id)) return
    this.#targets.push(target)
    if (this.#targets.length > TARGETS_MAX) this.#targets.shift()
  }

  #sentTwice(): Set<string> {
    const sends = this.#options.platform.sends.list({ number: null, correlation: null, after: 0, limit: 100_000 })
    const byCorrelation = Map.groupBy(sends, ({ correlation }) => correlation ?? '')
    return new Set(
      [...byCorrelation.values()].flatMap((list) => (list.length > 1 ? list.map(({ wamid }) => wamid) : [])),
    )
  }
}

function messageOf(kind: Deed['kind'], target: string, says: string | null): object {
  if (kind === 'reaction') {
    return { type: 'reaction', reaction: { message_id: target, ...(says !== null && { emoji: says }) } }
  }
  if (kind === 'revoke') return { type: 'revoke', revoke: { original_message_id: target } }
  const message = { type: 'text', text: { body: says } }
  return { type: 'edit', edit: { original_message_id: target, message } }
}

/** What was said last: within one second of the platform nobody can say which came first. */
function lastOf(deeds: readonly Deed[], kind: Deed['kind']): (string | null)[] {
  const ofKind = deeds.filter((deed) => deed.kind === kind)
  const last = Math.max(...ofKind.map(({ second }) => second))
  return ofKind.filter(({ second }) => second === last).map(({ says }) => says)
}

/** All messages of all threads, by the platform's id. */
async function allMessages(process: SimulatedProcess): Promise<Map<string, View>> {
  const views = new Map<string, View>()
  const { items } = await process.reader.conversations({ limit: 1000, cursor: null }, SEES_ALL)
  for (const conversation of items) {
    const id = readId('conversation', String(conversation['id'])) ?? 0
    const page = await process.reader.messages(id, { limit: 10_000, cursor: null }, SEES_ALL)
    for (const view of page?.items ?? []) views.set(String(view['upstream_id']), view)
  }
  return views
}
