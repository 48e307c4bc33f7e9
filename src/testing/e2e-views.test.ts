import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { seededRandom } from './seeded-random.ts'
import { type ApiAnswer, FAST_NUMBER, SLOW_NUMBER, TestGateway, until } from './test-gateway.ts'

setDefaultTimeout(60_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(() => house.close())

function as(key: string, method: string, path: string, body?: object): Promise<ApiAnswer> {
  return house.ask(method, path, body, key)
}

interface Told {
  offset: number
  type: string
  data: { conversation?: { id: string }; conversation_id?: string; conversation_ids?: string[]; more?: boolean }
}

/** A program that keeps the list of the conversations it sees: loaded once, and by events from then on. */
abstract class Program {
  readonly shown = new Set<string>()
  readonly key: string
  cursor = 0
  reloads = 0

  constructor(key: string) {
    this.key = key
  }

  /** Whether it stands where the house stands. */
  abstract follow(expected: string): Promise<void>
  async disconnect(): Promise<void> {}
  async connect(): Promise<void> {}

  async load(): Promise<void> {
    const { ids, asOf } = await listed(this.key)
    this.shown.clear()
    for (const id of ids) this.shown.add(id)
    this.cursor = asOf
    this.reloads++
  }

  take(event: Told): void {
    expect(event.offset).toBeGreaterThan(this.cursor)
    const { conversation, conversation_id: one, conversation_ids: many } = event.data
    if (event.type === 'conversation.gone') for (const id of many ?? [one ?? '']) this.shown.delete(id)
    if (event.type === 'conversation.visible') for (const id of many ?? []) this.shown.add(id)
    if (event.type !== 'conversation.assigned' && conversation) this.shown.add(conversation.id)
    expect(event.data.more).toBeUndefined()
  }

  text(): string {
    return [...this.shown].sort().join(' ')
  }
}

/** Asks `GET /api/v1/events`. */
class Poller extends Program {
  #isAway = false

  override async disconnect(): Promise<void> {
    this.#isAway = true
  }

  override async connect(): Promise<void> {
    this.#isAway = false
  }

  async follow(expected: string): Promise<void> {
    if (this.#isAway) return
    for (;;) {
      // Small pages, so that a change of rights lies between two of them.
      const { status, body } = await as(this.key, 'GET', `/api/v1/events?after=${this.cursor}&limit=3`)
      expect(status).toBe(200)
      for (const event of body.events as Told[]) this.take(event)
      this.cursor = body.upto
      if (body.upto >= body.head) break
    }
    expect(this.text()).toBe(expected)
  }
}

/** Watches on a socket, and resumes from its cursor whatever ended the last one. */
class Watcher extends Program {
  #socket: WebSocket | null = null
  #isAway = false
  closes: number[] = []

  override async disconnect(): Promise<void> {
    this.#isAway = true
    this.#socket?.close()
    this.#socket = null
  }

  override async connect(): Promise<void> {
    this.#isAway = false
    const { status, body } = await as(this.key, 'POST', '/api/v1/realtime/tickets', {})
    expect(status).toBe(200)
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/realtime`, [
      'gatehouse.v1',
      `ticket.${body.ticket}`,
    ])
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return
      const frame = JSON.parse(String(data))
      if (frame.type === 'hello') socket.send(JSON.stringify({ type: 'subscribe', id: 1, after: this.cursor }))
      if (frame.type === 'events') for (const event of frame.events as Told[]) this.take(event)
      if (frame.upto !== undefined) this.cursor = frame.upto
    })
    socket.addEventListener('close', ({ code }) => {
      if (socket !== this.#socket) return
      this.closes.push(code)
      this.#socket = null
    })
  }

  async follow(expected: string): Promise<void> {
    if (this.#isAway) return
    await until(`the watcher shows ${expected}`, async () => {
      if (!this.#socket) await this.connect()
      return this.text() === expected
    })
  }
}

async function listed(key: string): Promise<{ ids: string[]; asOf: number }> {
  const { status, body } = await as(key, 'GET', '/api/v1/conversations?limit=200')
  expect(status).toBe(200)
  return { ids: body.items.map(({ id }: { id: string }) => id), asOf: body.as_of }
}

let hired = 0
/** Somebody new with two programs that speak for them. */
async function hire(role: string): Promise<{ id: string; programs: Program[] }> {
  const { body } = await house.api('/api/v1/people', { name: 'P', email: `view${++hired}@example.com`, role })
  const key = async () => (await house.api('/api/v1/keys', { name: 'p', person: body.id })).body.key as string
  return { id: body.id, programs: [new Poller(await key()), new Watcher(await key())] }
}

class World {
  readonly people: { id: string; programs: Program[] }[] = []
  readonly roles: string[] = ['agent', 'supervisor']
  readonly roleIds: string[] = []
  readonly teams: string[] = []
  readonly conversations: string[] = []
  readonly random: () => number
  #count = 0
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
    this.random = seededRandom(seed)
  }

  async open(): Promise<void> {
    for (const permissions of [['conversations.see_all'], ['conversations.see_team', 'conversations.see_own']]) {
      const { body } = await house.api('/api/v1/roles', { name: `seer ${this.#seed} ${++this.#count}`, permissions })
      this.roles.push(body.name)
      this.roleIds.push(body.id)
    }
    for (let count = 0; count < 3; count++) this.people.push(await hire(this.#pick(this.roles)))
    for (let count = 0; count < 3; count++) {
      const { body } = await house.api('/api/v1/teams', { name: `team ${this.#seed} ${count}`, people: this.#some() })
      this.teams.push(body.id)
    }
    for (let count = 0; count < 4; count++) await this.#message()
    for (const program of this.programs()) {
      await program.load()
      await program.connect()
    }
  }

  programs(): Program[] {
    return this.people.flatMap(({ programs }) => programs)
  }

  async step(): Promise<void> {
    const steps = [
      () => this.#message(),
      () => this.#change(`/api/v1/people/${this.#pick(this.people).id}`, { role: this.#pick(this.roles) }),
      () => this.#change(`/api/v1/roles/${this.#pick(this.roleIds)}`, { permissions: this.#permissions() }),
      () => this.#change(`/api/v1/teams/${this.#pick(this.teams)}`, { people: this.#some() }),
      () => this.#change(`/api/v1/teams/${this.#pick(this.teams)}`, { numbers: this.#numbers() }),
      () => this.#assign({ team: this.#pick([...this.teams, null]) }),
      () => this.#assign({ assignee: this.#pick([...this.people.map(({ id }) => id), null]) }),
      () => this.#assign({ team: this.#pick(this.teams), assignee: this.#pick(this.people).id }),
      () => this.#pick(this.programs()).disconnect(),
      () => this.#pick(this.programs()).connect(),
      () => this.#away(),
    ]
    await this.#pick(steps)()
  }

  /** Everybody who is there shows what the house says that they may see. */
  async compare(): Promise<void> {
    for (const program of this.programs()) {
      const { ids } = await listed(program.key)
      await program.follow(ids.sort().join(' '))
    }
  }

  /** Somebody is suspended for a while; everything they had open ends. */
  async #away(): Promise<void> {
    const { id, programs } = this.#pick(this.people)
    for (const program of programs) await program.disconnect()
    await this.#change(`/api/v1/people/${id}`, { state: 'suspended' })
    if (this.random() < 0.5) await this.#assign({ team: this.#pick(this.teams) })
    await this.#change(`/api/v1/people/${id}`, { state: 'active' })
    for (const program of programs) await program.connect()
  }

  async #message(): Promise<void> {
    const known = this.conversations.length > 0 && this.random() < 0.5
    const phone = `+1202555${String(this.#seed * 100 + (known ? 1 : ++this.#count)).padStart(4, '0')}`
    await house.write(phone, 'hello')
    const { id } = await house.conversationOf(phone)
    if (!this.conversations.includes(id)) this.conversations.push(id)
  }

  async #assign(to: object): Promise<void> {
    const { status } = await house.api(`/api/v1/conversations/${this.#pick(this.conversations)}/assign`, to)
    expect(status).toBe(200)
  }

  async #change(path: string, change: object): Promise<void> {
    expect((await as(house.key, 'PATCH', path, change)).status).toBe(200)
  }

  #permissions(): string[] {
    return ['see_all', 'see_team', 'see_number', 'see_own']
      .filter(() => this.random() < 0.4)
      .map((name) => `conversations.${name}`)
  }

  #numbers(): string[] {
    return [FAST_NUMBER, SLOW_NUMBER].filter(() => this.random() < 0.4)
  }

  #some(): string[] {
    return this.people.map(({ id }) => id).filter(() => this.random() < 0.5)
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T
  }
}

test.each([1, 2, 3, 4])(
  'whatever changes, programs show what they may see, and load no list twice (seed %d)',
  async (seed) => {
    const world = new World(seed)
    await world.open()
    for (let step = 0; step < 80; step++) {
      await world.step()
      if (step % 4 === 3) await world.compare()
    }
    for (const program of world.programs()) {
      await program.disconnect()
      await program.connect()
    }
    await world.compare()
    expect(world.programs().map(({ reloads }) => reloads)).toEqual(world.programs().map(() => 1))
  },
)

test('a program stays where it only sees other conversations, and begins anew where it may do other things', async () => {
  const { id, programs } = await hire('agent')
  const watcher = programs[1] as Watcher
  await watcher.load()
  await watcher.connect()
  await house.write('+12025559901', 'hello')
  const conversation = await house.conversationOf('+12025559901')
  const { body: team } = await house.api('/api/v1/teams', { name: 'a team of one', people: [id] })
  await house.api(`/api/v1/conversations/${conversation.id}/assign`, { team: team.id })
  await watcher.follow(conversation.id)
  expect((await as(house.key, 'PATCH', `/api/v1/teams/${team.id}`, { people: [] })).status).toBe(200)
  await watcher.follow('')
  expect(watcher.closes).toEqual([])
  expect((await as(house.key, 'PATCH', `/api/v1/people/${id}`, { role: 'supervisor' })).status).toBe(200)
  await until('it is closed', () => watcher.closes.length > 0)
  expect(watcher.closes).toEqual([4003])
  await watcher.disconnect()
})

test('a request that waits for events is told what comes into view, and refused when nothing is left', async () => {
  const { id, programs } = await hire('agent')
  const key = (programs[0] as Program).key
  await house.write('+12025559902', 'hello')
  const conversation = await house.conversationOf('+12025559902')
  const { body: team } = await house.api('/api/v1/teams', { name: 'a team that answers' })
  await house.api(`/api/v1/conversations/${conversation.id}/assign`, { team: team.id })
  const waiting = async () => {
    const before = (await as(key, 'GET', '/api/v1/events')).body.head
    return as(key, 'GET', `/api/v1/events?after=${before}&wait=20`)
  }
  const first = waiting()
  await as(house.key, 'PATCH', `/api/v1/teams/${team.id}`, { people: [id] })
  expect((await first).body.events).toMatchObject([
    { type: 'conversation.visible', data: { conversation_ids: [conversation.id] } },
  ])
  const last = waiting()
  await as(house.key, 'PATCH', `/api/v1/people/${id}`, { state: 'suspended' })
  expect((await last).status).toBe(401)
})
