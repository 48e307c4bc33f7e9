import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkAudit } from '../../compliance/audit-check.ts'
import { AUDIT_ROOTS_FILE, readRoots } from '../../compliance/audit-roots.ts'
import { messageOf } from '../../core/failure.ts'
import { showId } from '../../core/ids.ts'
import { daysIn } from '../../journal/day-file.ts'
import { dayKeyName } from '../../journal/entry.ts'
import { JournalReader } from '../../journal/journal-reader.ts'
import type { RealtimeEvent } from '../../realtime/protocol.ts'
import { AuditReader } from '../../records/audit-reader.ts'
import { readCorrelation } from '../../records/sent-message.ts'
import type { Send } from '../../simulator/sends.ts'
import { Db } from '../../storage/database.ts'
import { damageText, lookThrough } from '../../storage/page-look.ts'
import { Vault } from '../../vault/vault.ts'
import type { EventRecord } from './event-watch.ts'
import type { AskedSend, SendProducer } from './send-producer.ts'
import type { CrashStand } from './stand.ts'
import type { WebhookProducer } from './webhook-producer.ts'

const PAGE = 200
const EVENTS_PAGE = 500
const SENDS_PAGE = 10_000
const JOURNAL_PAGE = 512
/** Of each kind, this many are written out. */
const SHOWN_MAX = 5

/** What the counts are about; all but the last three have to be zero. */
export interface Findings {
  lost: number
  doubled: number
  phantom: number
  sendsLost: number
  sentTwice: number
  unexplainedSends: number
  stuck: number
  unsettled: number
  quarantined: number
  eventsChanged: number
  journalFaults: number
  auditFaults: number
  others: number
  inDoubtAtEnd: number
  resent: number
  expired: number
}

export interface OracleInput {
  stand: CrashStand
  webhooks: WebhookProducer
  sends: SendProducer
  record: EventRecord
}

interface StoredMessage {
  id: string
  upstream_id: string | null
  direction: 'in' | 'out'
  state: string
  reference: string | null
  timeline?: { state: string; reason: string | null; attempt: number }[]
}

/** Compares what the producers, the platform and the watchers know with what the house says. */
export class Oracle {
  readonly findings: Findings = {
    lost: 0,
    doubled: 0,
    phantom: 0,
    sendsLost: 0,
    sentTwice: 0,
    unexplainedSends: 0,
    stuck: 0,
    unsettled: 0,
    quarantined: 0,
    eventsChanged: 0,
    journalFaults: 0,
    auditFaults: 0,
    others: 0,
    inDoubtAtEnd: 0,
    resent: 0,
    expired: 0,
  }
  readonly details: string[] = []
  readonly #input: OracleInput
  readonly #shown = new Map<keyof Findings, number>()

  constructor(input: OracleInput) {
    this.#input = input
  }

  /** Counts something that must not be, and writes the first of its kind out. */
  find(kind: keyof Findings, text: string): void {
    this.findings[kind] += 1
    const shown = (this.#shown.get(kind) ?? 0) + 1
    this.#shown.set(kind, shown)
    if (shown <= SHOWN_MAX) this.details.push(`${kind}: ${text}`)
  }

  /** Everything that can be asked of the running house. */
  async askHouse(): Promise<void> {
    const { sends, record } = this.#input
    for (const problem of sends.problems) this.find('others', problem)
    for (const problem of record.problems) this.find('eventsChanged', problem)
    const stored = await this.#storedMessages()
    this.#compareInbound(stored.filter(({ direction }) => direction === 'in'))
    await this.#compareOutbound(stored.filter(({ direction }) => direction === 'out'))
    await this.#compareEvents()
    await this.#compareQuarantine()
  }

  /** What lies in the folder, once nobody writes there any more. */
  async readFolder(): Promise<void> {
    const { dataFolder, masterKey } = this.#input.stand
    for (const name of [
      'records.db',
      'vault.db',
      ...daysIn(join(dataFolder, 'journal')).map((day) => `journal/${day}.db`),
    ]) {
      this.#checkDatabase(join(dataFolder, name), name)
    }
    this.#checkSums(join(dataFolder, 'records.db'))
    const vault = new Vault(join(dataFolder, 'vault.db'), masterKey, { readonly: true })
    const journal = new JournalReader(join(dataFolder, 'journal'), (day) => vault.findNamedKey(dayKeyName(day)))
    try {
      this.#readJournal(journal)
    } catch (error) {
      this.find('journalFaults', messageOf(error))
    }
    journal.close()
    await this.#checkAudit(dataFolder, vault)
    vault.close()
  }

  /** The chain holds whatever was killed, and what was looked at is in it. */
  async #checkAudit(dataFolder: string, vault: Vault): Promise<void> {
    const records = new Db(join(dataFolder, 'records.db'), { readonly: true })
    const reader = new AuditReader(records, () => vault)
    const roots = readRoots(join(dataFolder, AUDIT_ROOTS_FILE))
    const { fault, rows } = await checkAudit({ reader, vault, roots, giveWay: async () => {} })
    if (fault) this.find('auditFaults', `row ${fault.seq} is ${fault.kind}`)
    if (rows === 0) this.find('auditFaults', 'nobody is in the audit')
    records.close()
  }

  async #storedMessages(): Promise<StoredMessage[]> {
    const stored: StoredMessage[] = []
    for await (const conversation of this.#items<{ id: string }>('/api/v1/conversations')) {
      for await (const message of this.#items<StoredMessage>(`/api/v1/conversations/${conversation.id}/messages`)) {
        stored.push(message)
      }
    }
    return stored
  }

  #compareInbound(stored: readonly StoredMessage[]): void {
    const { webhooks } = this.#input
    const times = new Map<string, number>()
    for (const { upstream_id: id } of stored) times.set(id ?? '', (times.get(id ?? '') ?? 0) + 1)
    for (const id of webhooks.acknowledged) if (!times.has(id)) this.find('lost', `${id} was answered 200`)
    for (const [id, count] of times) {
      if (count > 1) this.find('doubled', `${id} is stored ${count} times`)
      if (!webhooks.offered.has(id)) this.find('phantom', `${id} was never offered`)
    }
    for (const [status, count] of webhooks.refused) this.find('others', `${count} webhooks were answered ${status}`)
  }

  async #compareOutbound(stored: readonly StoredMessage[]): Promise<void> {
    const { sends } = this.#input
    const executed = await this.#executed()
    const byReference = new Map<string, StoredMessage[]>()
    for (const message of stored) {
      const key = message.reference ?? ''
      byReference.set(key, [...(byReference.get(key) ?? []), message])
      const asked = sends.asked.get(key)
      if (asked) await this.#compareSend(asked, message, executed.get(message.id) ?? [])
      else this.find('phantom', `${message.id} was never asked for`)
      executed.delete(message.id)
    }
    for (const asked of sends.asked.values()) {
      const found = byReference.get(asked.key) ?? []
      if (found.length > 1) this.find('doubled', `${asked.key} became ${found.length} messages`)
      if (asked.id !== null && found[0]?.id !== asked.id) this.find('sendsLost', `${asked.key}, answered ${asked.id}`)
    }
    for (const [id, list] of executed) this.find('unexplainedSends', `${id}: ${list.length} at the platform`)
  }

  /** Sends that the platform carried out, by our message id. */
  async #executed(): Promise<Map<string, Send[]>> {
    const executed = new Map<string, Send[]>()
    for (let after = 0; ; ) {
      const path = `sends?after=${after}&limit=${SENDS_PAGE}`
      const { items } = await this.#input.stand.platform<{ items: Send[] }>('GET', path)
      for (const send of items) {
        const known = readCorrelation(send.correlation ?? '')
        const id = known ? showId('message', known.messageId) : `without our id (${send.correlation})`
        executed.set(id, [...(executed.get(id) ?? []), send])
      }
      const last = items.at(-1)
      if (!last) return executed
      after = last.index
    }
  }

  async #compareSend(asked: AskedSend, message: StoredMessage, executed: readonly Send[]): Promise<void> {
    const { timeline = [], state } = await this.#get<StoredMessage>(`/api/v1/messages/${message.id}`)
    const told = `${message.id} (${asked.key}, ${asked.whenInDoubt}) ${timeline.map((step) => `${step.state}${step.reason ? `:${step.reason}` : ''}#${step.attempt}`).join(' ')}`
    const resends = timeline.filter((step) => step.state === 'queued' && step.reason === 'resend').length
    const attempts = timeline.filter((step) => step.state === 'sending').length
    this.findings.resent += Math.min(resends, Math.max(0, executed.length - 1))
    if (resends > 0 && asked.whenInDoubt !== 'resend') this.find('sentTwice', `sent again against its policy: ${told}`)
    if (executed.length > 1 + resends || executed.length > attempts) {
      this.find('sentTwice', `${executed.length} times at the platform: ${told}`)
    }
    if (new Set(timeline.filter(({ state: one }) => one === 'sending').map(({ attempt }) => attempt)).size < attempts) {
      this.find('sentTwice', `one attempt began twice: ${told}`)
    }
    if (['queued', 'sending', 'in_doubt'].includes(state)) this.find('stuck', told)
    if (executed.length > 0 && state !== 'read' && state !== 'delivered') {
      this.find('unsettled', `the platform carried it out: ${told}`)
    }
    if (executed.length === 0 && ['accepted', 'sent', 'delivered', 'read'].includes(state)) {
      this.find('unexplainedSends', `never at the platform: ${told}`)
    }
    if (timeline.at(-1)?.reason === 'in_doubt') this.findings.inDoubtAtEnd += 1
    if (state === 'expired') this.findings.expired += 1
  }

  async #compareEvents(): Promise<void> {
    const { record, webhooks } = this.#input
    const now = await this.#eventsNow()
    for (const [offset, text] of record.seen) {
      const found = now.get(offset)
      if (found === undefined) this.find('eventsChanged', `${offset} is gone, it was ${text}`)
      else if (JSON.stringify(found) !== text) {
        this.find('eventsChanged', `${offset} was\n    ${text}\n  and is\n    ${JSON.stringify(found)}`)
      }
    }
    const received = new Map<string, number>()
    for (const { type, data } of now.values()) {
      if (type !== 'message.received') continue
      const id = (data['message'] as { upstream_id: string } | undefined)?.upstream_id ?? 'no longer told'
      received.set(id, (received.get(id) ?? 0) + 1)
    }
    for (const id of webhooks.acknowledged) {
      if (received.get(id) !== 1) this.find('eventsChanged', `${id} has ${received.get(id) ?? 0} events`)
    }
  }

  /** The whole log as it reads now, whose offsets have to be without gaps. */
  async #eventsNow(): Promise<Map<number, RealtimeEvent>> {
    const now = new Map<number, RealtimeEvent>()
    let after = 0
    for (;;) {
      const path = `/api/v1/events?after=${after}&limit=${EVENTS_PAGE}`
      const { events } = await this.#get<{ events: RealtimeEvent[] }>(path)
      if (events.length === 0) return now
      for (const event of events) {
        if (event.offset !== after + 1) this.find('eventsChanged', `offset ${event.offset} comes after ${after}`)
        after = event.offset
        now.set(event.offset, event)
      }
    }
  }

  async #compareQuarantine(): Promise<void> {
    const text = (await (await this.#input.stand.api('/metrics'))?.text()) ?? ''
    const count = Number(/^gatehouse_quarantined_items(?:\{\})? (\d+)/m.exec(text)?.[1] ?? Number.NaN)
    if (count !== 0) this.find('quarantined', `${count} items`)
  }

  #checkDatabase(path: string, name: string): void {
    if (!existsSync(path)) return this.find('others', `${name} is missing`)
    const database = new Db(path, { readonly: true })
    const verdict = database.one<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check
    database.close()
    if (verdict !== 'ok') this.find('others', `${name}: ${verdict}`)
  }

  /** No fault raises an alarm. */
  #checkSums(path: string): void {
    for (const { damaged } of lookThrough(path)) {
      if (damaged.length > 0) this.find('others', damageText('records.db', damaged))
    }
  }

  #readJournal(journal: JournalReader): void {
    const missing = new Set(this.#input.webhooks.acknowledged)
    for (let after = 0; ; ) {
      const entries = journal.read(after, JOURNAL_PAGE)
      for (const { seq, body } of entries) {
        if (seq !== after + 1) this.find('journalFaults', `entry ${seq} comes after ${after}`)
        after = seq
        for (const [id] of new TextDecoder().decode(body).matchAll(/wamid\.[0-9a-z]+\.\d+/g)) missing.delete(id)
      }
      if (entries.length === 0) break
    }
    for (const id of missing) this.find('journalFaults', `${id} was answered 200 and is in no entry`)
  }

  async *#items<T>(path: string): AsyncGenerator<T> {
    let cursor: string | null = null
    do {
      const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: { items: T[]; next: string | null } = await this.#get(`${path}?limit=${PAGE}${more}`)
      yield* page.items
      cursor = page.next
    } while (cursor !== null)
  }

  async #get<T>(path: string): Promise<T> {
    const response = await this.#input.stand.api(path)
    if (!response?.ok) throw new Error(`The house answered ${response?.status} to GET ${path}`)
    return (await response.json()) as T
  }
}
