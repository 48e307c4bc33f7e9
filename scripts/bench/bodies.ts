import { seededRandom } from '../../src/testing/seeded-random.ts'

/** What all benchmarks agree on: one application, one number, one population. */
export const APP = 'bench'
export const APP_SECRET = 'a-secret-of-the-benchmarks-only'
export const WEBHOOK_PATH = `/webhooks/whatsapp/${APP}`
export const NUMBER_ID = '106540352242922'
export const NUMBER_DISPLAY = '15550783881'
export const WABA_ID = '102290129340398'
export const PEOPLE = 200_000

/** Sentences as customers write them; lengths from one word to a paragraph, four scripts. */
const SENTENCES = [
  'Hi',
  'Thank you!',
  'ok',
  'Is this still available?',
  'Hello, I ordered on Monday and the parcel has not arrived yet. Can you check, please?',
  'My order number is 30-20418-B. The invoice shows the wrong address.',
  'Good morning, do you have the blue one in size 42? My daughter would like to try it on this weekend if you are open.',
  'Guten Tag, wann wird meine Bestellung geliefert? Ich bin am Donnerstag leider nicht zu Hause.',
  'Könnten Sie mir bitte die Rechnung noch einmal schicken? Danke!',
  'Добрый день! Подскажите, пожалуйста, когда будет доставка?',
  'Спасибо большое',
  '你好，请问这个还有货吗？',
  '我昨天下的订单什么时候可以发货？订单号是 20418，麻烦帮我查一下，谢谢。',
  '注文した商品がまだ届いていません。確認していただけますか。',
  'はい、お願いします',
  'ขอบคุณค่ะ',
  'Hola, quisiera cambiar la fecha de mi cita del viernes al lunes por la tarde, si es posible. Gracias.',
  'Sim, pode confirmar',
  'I tried the link you sent me, but it says that the page has expired. I am on my phone, with the newest version of the app. What else can I do?',
  '👍',
] as const
const NAMES = [
  'Ada Okafor',
  'Jürgen Weiß',
  '王小明',
  'María José Pérez',
  'Иван Петров',
  '佐藤 花子',
  'Li',
  'Fatima Zahra',
  'สมชาย',
] as const

/** Gives numbers below `count`, the low ones far more often: the k-th as often as 1/k. */
export function zipf(count: number, random: () => number): () => number {
  const cumulative = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1)
    cumulative[rank] = sum
  }
  return () => {
    const wanted = random() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

export interface BodyPlan {
  seed: number
  /** Messages and statuses in one body. */
  batch: number
  /** Share of items that are statuses of messages that somebody else sent, 0 to 1. */
  statusShare: number
  /** What platform ids are made from: two runs against one house must not repeat theirs. */
  idPrefix: string
}

interface Item {
  raw: Record<string, unknown> & { id: string }
  contact: Record<string, unknown>
}

/** Makes the bodies of a run, one after the other, always the same for a plan. */
export class Bodies {
  readonly #plan: BodyPlan
  readonly #random: () => number
  readonly #person: () => number
  #items = 0

  constructor(plan: BodyPlan) {
    this.#plan = plan
    this.#random = seededRandom(plan.seed)
    this.#person = zipf(PEOPLE, this.#random)
  }

  /** The JSON of the next body; all its items have this stamp. */
  next(atMs: number): string {
    const items = Array.from({ length: this.#plan.batch }, () => this.#item(atMs))
    return bodyWith(items)
  }

  /** The platform's own object of a given person's next message. */
  messageOf(person: number, atMs: number): Record<string, unknown> & { id: string } {
    return this.#message(person, this.#nextId(person), atMs).raw
  }

  /** A body with a given person's next message. */
  bodyOf(person: number, atMs: number): string {
    return bodyWith([this.#message(person, this.#nextId(person), atMs)])
  }

  #item(atMs: number): Item {
    const person = this.#person()
    const id = this.#nextId(person)
    return this.#random() < this.#plan.statusShare ? status(person, id, atMs) : this.#message(person, id, atMs)
  }

  /** In the platform's form: base64 of the customer's phone and twenty hexadecimal digits, none like another. */
  #nextId(person: number): string {
    const digits = Bun.hash
      .wyhash(`${this.#plan.idPrefix}.${this.#items++}`)
      .toString(16)
      .toUpperCase()
      .padStart(16, '0')
    return `wamid.${btoa(`\x1c\x18\x0d${phoneOf(person)}\x15\x02\0\x12\x18\x143EB0${digits}\0`)}`
  }

  #message(person: number, id: string, atMs: number): Item {
    const sentence = SENTENCES[Math.floor(this.#random() * SENTENCES.length)] ?? 'Hi'
    const raw = { from: phoneOf(person), id, timestamp: stampOf(atMs), text: { body: sentence }, type: 'text' }
    return { raw, contact: contactOf(person) }
  }
}

function bodyWith(items: readonly Item[]): string {
  const value: Record<string, unknown> = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: NUMBER_DISPLAY, phone_number_id: NUMBER_ID },
  }
  const messages = items.filter(({ raw }) => 'type' in raw)
  const statuses = items.filter(({ raw }) => 'status' in raw)
  if (messages.length > 0) {
    value['contacts'] = messages.map(({ contact }) => contact)
    value['messages'] = messages.map(({ raw }) => raw)
  }
  if (statuses.length > 0) value['statuses'] = statuses.map(({ raw }) => raw)
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: WABA_ID, changes: [{ value, field: 'messages' }] }],
  })
}

export function phoneOf(person: number): string {
  return `49151${(10_000_000 + person).toString()}`
}

/** The entry of the body's `contacts` about a person. */
export function contactOf(person: number): Record<string, unknown> {
  return { profile: { name: nameOf(person) }, wa_id: phoneOf(person) }
}

export function nameOf(person: number): string {
  return `${NAMES[person % NAMES.length]} ${person}`
}

function status(person: number, id: string, atMs: number): Item {
  const raw = {
    id,
    status: 'delivered',
    timestamp: stampOf(atMs),
    recipient_id: phoneOf(person),
    conversation: { id: '6ceb9d929c9bdc4f90967a32f8639b41', origin: { type: 'service' } },
    pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'service' },
  }
  return { raw, contact: contactOf(person) }
}

function stampOf(atMs: number): string {
  return Math.floor(atMs / 1000).toString()
}
