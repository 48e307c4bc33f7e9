import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { connectRealtime } from '../realtime/client.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { FAST_NUMBER, SLOW_NUMBER, TestGateway, until } from '../testing/test-gateway.ts'
import { testSeed } from '../testing/test-seed.ts'
import { createApi, type Fetch } from './api.ts'
import { Desk, type LiveOptions } from './desk.ts'
import { heardBy } from './live.ts'
import type { ConversationView, MessageView, NumberView, Page } from './wire.ts'

setDefaultTimeout(120_000)

const STEPS = 200
const seed = testSeed()
const random = seededRandom(seed)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(() => house.close())

function pick<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)]
}

/** Somebody at the desk's page, without the looks: their line can be cut, and answers may be late. */
class Seat {
  readonly key: string
  readonly desk: Desk
  #isOnline = true
  readonly #sockets = new Set<WebSocket>()

  constructor(key: string) {
    this.key = key
    this.desk = new Desk({
      api: createApi(key, this.#fetch),
      connect: (options) => this.#connect(options),
      store: { getItem: () => null, setItem() {}, removeItem() {} },
      nowMs: () => Date.now(),
      newKey: () => `key-${seed}-${Math.floor(random() * 1e12)}`,
      makeUrl: () => 'blob:',
      dropUrl() {},
      isVisible: () => true,
      onRefused: () => {},
      onLost: () => {},
    })
    void this.desk.start()
  }

  setOnline(isOnline: boolean): void {
    this.#isOnline = isOnline
    if (!isOnline) this.cut()
  }

  cut(): void {
    for (const socket of this.#sockets) socket.close()
    this.#sockets.clear()
  }

  readonly #fetch: Fetch = async (url, init) => {
    if (!this.#isOnline) throw new Error('offline')
    const answer = await fetch(house.url + url, init)
    const body = await answer.text()
    // Events that were told since then are here before it.
    if (random() < 0.3) await house.request('/readyz')
    if (!this.#isOnline) throw new Error('offline')
    return new Response(body, answer)
  }

  #connect(options: LiveOptions): { close(): void } {
    const sockets = this.#sockets
    const isOnline = () => this.#isOnline
    return connectRealtime({
      ...heardBy(options),
      url: `${house.url.replace('http', 'ws')}/realtime`,
      WebSocket: class extends WebSocket {
        constructor(url: string, protocols: string[]) {
          super(isOnline() ? url : 'ws://127.0.0.1:1/', protocols)
          sockets.add(this)
        }
      } as never,
    })
  }
}

/** Everything that can happen outside of a page, and what somebody does at it. */
class World {
  readonly seats: readonly Seat[]
  readonly #person: string
  readonly #phones = Array.from({ length: 6 }, (_, index) => `+4915112340${100 + index}`)
  readonly #merged: string[] = []
  readonly #written: { phone: string; wamid: string }[] = []

  constructor(seats: readonly Seat[], person: string) {
    this.seats = seats
    this.#person = person
  }

  async step(): Promise<string> {
    const name = pick(Object.keys(this.#acts)) ?? ''
    await this.#acts[name]?.()
    return name
  }

  readonly #acts: Readonly<Record<string, () => unknown>> = {
    writes: () => this.#write(),
    'writes more': () => this.#write(),
    'sends a file': () => this.#say(this.#phone(), { sample: pick(['photo', 'voice', 'location', 'order']) }),
    reacts: () => this.#about((id) => ({ type: 'reaction', reaction: { message_id: id, emoji: pick(['👍', '']) } })),
    edits: () => {
      const message = { type: 'text', text: { body: `edited ${random()}` } }
      return this.#about((id) => ({ type: 'edit', edit: { original_message_id: id, message } }))
    },
    revokes: () => this.#about((id) => ({ type: 'revoke', revoke: { original_message_id: id } })),
    'the phone writes': () => house.simulator('/_/echoes', { number: 'support', to: this.#phone(), text: 'From it' }),
    'hands over': () =>
      house.simulator('/_/handovers', { number: 'support', phone: this.#phone(), to: pick(['other', 'us', 'us']) }),
    'somebody else sends': async () => {
      const to = (await this.#any())?.id
      if (to) await house.api('/api/v1/messages', { to, type: 'text', text: { body: `other ${random()}` } })
    },
    'somebody else reads': async () => await this.#at('read', {}),
    'is assigned': async () => await this.#at('assign', { assignee: pick([this.#person, this.#person, null]) }),
    'is renamed': async () => {
      const contact = (await this.#any())?.contact.id
      const name = pick(['Zoe', 'Ben', null])
      if (contact) await house.ask('PATCH', `/api/v1/contacts/${contact}`, { name })
    },
    'are one': async () => {
      const [one, other] = [(await this.#any())?.contact.id, (await this.#any())?.contact.id]
      if (one === undefined || one === other) return
      const { status } = await house.api(`/api/v1/contacts/${one}/merge`, { into: other })
      if (status === 200) this.#merged.push(one)
    },
    'are two again': async () => {
      const one = pick(this.#merged)
      if (one) await house.api(`/api/v1/contacts/${one}/unmerge`, {})
    },
    'changes their phone': async () => {
      const index = Math.floor(random() * this.#phones.length)
      const phone = `+49151${10_000_000 + Math.floor(random() * 80_000_000)}`
      if (random() < 0.3)
        await house.simulator(`/_/customers/${this.#phones.splice(index, 1, phone)[0]}/changes`, { phone })
    },
    'is erased': async () => {
      const contact = (await this.#any())?.contact.id
      if (contact && random() < 0.3) await house.ask('DELETE', `/api/v1/contacts/${contact}`)
    },
    'a number pauses or resumes': () =>
      house.api(`/api/v1/numbers/${pick([FAST_NUMBER, SLOW_NUMBER])}/${pick(['pause', 'resume', 'resume'])}`, {}),
    'a role changes': async () => {
      if (random() < 0.2)
        await house.ask('PATCH', `/api/v1/people/${this.#person}`, { role: pick(['agent', 'supervisor']) })
    },
    'opens one': () => this.#open(),
    'opens another': () => this.#open(),
    answers: () => {
      const { desk } = this.#seat()
      desk.changeDraft({ text: `desk ${random()}` })
      desk.send()
    },
    'a line breaks': () => this.#seat().cut(),
    'a line is gone': () => this.#seat().setOnline(false),
    'lines are back': () => this.end(),
    'the house restarts': () => (random() < 0.3 ? house.restart() : undefined),
    'the page rests': () => this.#any(),
  }

  end(): void {
    for (const seat of this.seats) seat.setOnline(true)
  }

  #phone(): string {
    return pick(this.#phones) ?? ''
  }

  #seat(): Seat {
    return pick(this.seats) as Seat
  }

  #say(phone: string, body: object) {
    return house.simulator(`/_/customers/${phone}/messages`, { number: pick(['support', 'support', 'slow']), ...body })
  }

  async #write(): Promise<void> {
    const phone = this.#phone()
    const { body } = await this.#say(phone, { text: `hello ${random()}`, name: `N${phone.slice(-1)}` })
    this.#written.push({ phone, wamid: body.id })
  }

  async #about(message: (wamid: string) => object): Promise<void> {
    const written = pick(this.#written)
    if (written) await this.#say(written.phone, { message: message(written.wamid) })
  }

  async #any(): Promise<ConversationView | undefined> {
    return pick((await house.api('/api/v1/conversations?limit=200')).body.items as ConversationView[])
  }

  async #at(act: string, body: object): Promise<void> {
    const id = (await this.#any())?.id
    if (id) await house.api(`/api/v1/conversations/${id}/${act}`, body)
  }

  #open(): void {
    const { desk } = this.#seat()
    desk.open(pick(desk.read().data.order) ?? null)
  }
}

const SAID = ['id', 'state', 'reason', 'content', 'reactions', 'revoked', 'edited_at'] as const
const SHOWN = ['id', 'contact', 'unread', 'standby', 'window_expires_at', 'last_message_at', 'number_alias'] as const

/** What can be seen of something: members that are null are not told from those that are not there. */
function seen(view: object | null | undefined, names: readonly string[]): object {
  const members = Object.entries(view ?? {}).filter(([name, value]) => names.includes(name) && value !== null)
  return JSON.parse(JSON.stringify(Object.fromEntries(members.toSorted()), (_, value) => value ?? undefined))
}

const messageSeen = (view: MessageView | null | undefined) => {
  if (view?.erased === true) return { id: view.id }
  const attachments = view?.attachments?.map(({ id, state, url }) => ({ id, state, url }))
  return { ...seen(view, SAID), ...(attachments?.length ? { attachments } : {}) }
}
const conversationSeen = (view: ConversationView) => ({ ...seen(view, SHOWN), last: messageSeen(view.last_message) })

/** What the page shows, and what the house says at this moment. */
async function compared({ desk, key }: Seat): Promise<{ page: unknown; house: unknown }> {
  const get = async <T>(path: string) => (await house.ask('GET', `/api/v1/${path}`, undefined, key)).body as Page<T>
  const { data, connection } = desk.read()
  const listed = (await get<ConversationView>('conversations?limit=200')).items
  // Nothing tells of a conversation that was erased before this page heard of it.
  const there = listed.filter(({ id, contact }) => contact.erased !== true || data.conversations.has(id))
  const threads = await Promise.all(
    [...data.threads.keys()].map(async (id) => {
      const { items = [] } = await get<MessageView>(`conversations/${id}/messages?limit=200`)
      return [id, items.toReversed().map(messageSeen)]
    }),
  )
  const numbers = (await get<NumberView>('numbers')).items
  return {
    page: {
      line: connection.kind,
      list: data.order.map((id) => conversationSeen(data.conversations.get(id)?.view as ConversationView)),
      threads: [...data.threads].map(([id, { messages }]) => [id, messages.map(({ view }) => messageSeen(view))]),
      numbers: data.numbers.map(({ number, state }) => [number, state]),
    },
    house: {
      line: 'live',
      list: there.map(conversationSeen),
      threads,
      numbers: numbers.map(({ number, state }) => [number, state]),
    },
  }
}

test('whatever happens, and however often the line breaks, pages end up showing what the house says', async () => {
  const person = (await house.api('/api/v1/people', { name: 'P', email: 'p@example.com', role: 'agent' })).body.id
  const { key } = (await house.api('/api/v1/keys', { name: 'p', person })).body
  const world = new World([new Seat(house.key), new Seat(key)], person)
  const steps: string[] = []
  for (let step = 0; step < STEPS; step++) steps.push(await world.step())
  world.end()
  for (const [index, seat] of world.seats.entries()) {
    let last: Awaited<ReturnType<typeof compared>> | undefined
    const look = async () => {
      last = await compared(seat)
      return Bun.deepEquals(last.page, last.house)
    }
    const what = `seed ${seed}, page ${index} after ${steps.join(', ')}`
    await until(what, look, () => '', 30_000).catch((cause: Error) => {
      expect(last?.page, cause.message).toEqual(last?.house)
      throw cause
    })
    seat.desk.close()
  }
  expect(house.fatal).toEqual([])
})
