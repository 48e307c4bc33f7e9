import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { OPERATIONS } from '../http/api-operations.ts'
import { TestBrowser } from './browser.ts'
import { TEST_PASSWORD, tokenOf } from './sign-in-requests.ts'
import { type ApiAnswer, FAST_NUMBER, outletText, sign, TestGateway, testConfigText, until } from './test-gateway.ts'

setDefaultTimeout(60_000)

/** One workspace with some of everything, and whoever works in it. */
interface Side {
  name: string
  app: string
  secret: string
  number: string
  waba: string
  /** Stands in every text, name and file name of it, and nowhere else. */
  word: string
  /** Of a key that may everything in it, and sees nothing else. */
  key: string
  conversation: string
  /** Of every kind: the ids that the other one must not get anything by. */
  ids: string[]
}

const side = (name: string, app: string, own: Pick<Side, 'secret' | 'number' | 'waba' | 'word'>): Side => ({
  name,
  app,
  ...own,
  key: '',
  conversation: '',
  ids: [],
})
const sides = [
  side('main', 'main', {
    secret: 'the-app-secret-of-main',
    number: FAST_NUMBER,
    waba: '102290129340398',
    word: 'heliotrope',
  }),
  side('outlet', 'outlet', {
    secret: 'the-app-secret-of-outlet',
    number: '207000000000001',
    waba: '208000000000001',
    word: 'wisteria',
  }),
] as const
const [main, outlet] = sides

/** The same customer writes to both. */
const CUSTOMER = '491711111111'
let house: TestGateway

function asked(key: string, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
  return house.ask(method, path, body, key)
}

function ofHouse(workspace: string, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
  return house.request(path, {
    method,
    headers: { Authorization: `Bearer ${house.key}`, 'Gatehouse-Workspace': workspace },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function delivered(to: Side, changes: object[]): Promise<void> {
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: to.waba, time: 1795338600, changes }],
  })
  expect((await house.webhook(body, { app: to.app, signature: sign(body, to.secret) })).status).toBe(200)
}

function said(to: Side, messages: object[]): object {
  const contacts = [{ wa_id: CUSTOMER, profile: { name: `Ada ${to.word}` } }]
  const metadata = { phone_number_id: to.number, display_phone_number: '15550000000' }
  return { field: 'messages', value: { messaging_product: 'whatsapp', metadata, contacts, messages } }
}

/** So that there is the report of an erasure. */
async function eraseSomebody(one: Side): Promise<void> {
  const [from, id] = ['491733333333', `wamid.${one.word}.gone`]
  const timestamp = String(Math.floor(Date.now() / 1000))
  await delivered(one, [said(one, [{ from, timestamp, id, type: 'text', text: { body: 'forget me' } }])])
  const theirs = async () => (await list(one, 'contacts')).find(({ phone }) => phone === `+${from}`)?.['id']
  const contact = await until('whoever is to be erased', async () => (await theirs()) as string | undefined)
  expect((await asked(one.key, 'DELETE', `/api/v1/contacts/${contact}`)).status).toBe(202)
  await until('the erasure', async () => (await list(one, 'erasures'))[0]?.['state'] === 'done')
  one.ids.push(contact)
}

async function fill(one: Side): Promise<void> {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const from = { from: CUSTOMER, timestamp }
  await delivered(one, [
    said(one, [
      { ...from, id: `wamid.${one.word}.text`, type: 'text', text: { body: `${one.word} please, common words` } },
      {
        ...from,
        id: `wamid.${one.word}.file`,
        type: 'document',
        document: { id: '1', mime_type: 'text/plain', sha256: '', filename: `${one.word}.txt` },
      },
    ]),
    {
      field: 'message_template_status_update',
      value: {
        event: 'APPROVED',
        message_template_id: 7,
        message_template_name: `${one.word}_update`,
        message_template_language: 'en_US',
      },
    },
  ])
  one.key = (await ofHouse(one.name, 'POST', '/api/v1/keys', { name: one.word, role: 'owner' })).body.key
  if (one === main) {
    const { permissions } = (await asked(house.key, 'GET', '/api/v1/keys')).body.items[0]
    const bound = permissions.filter((name: string) => name !== 'workspaces.manage')
    one.key = (await house.api('/api/v1/keys', { name: one.word, permissions: bound })).body.key
  }
  const lists = ['people', 'conversations', 'contacts', 'roles', 'teams', 'keys', 'notices', 'erasures']
  await until('its conversation', async () => (await list(one, 'conversations')).length > 0)
  one.conversation = String((await list(one, 'conversations'))[0]?.['id'])
  const person = { name: `Bo ${one.word}`, email: `${one.word}@example.com`, role: 'agent' }
  const { body } = await asked(one.key, 'POST', '/api/v1/people', person)
  await asked(one.key, 'POST', '/api/v1/teams', { name: one.word, people: [body.id], numbers: [one.number] })
  await asked(one.key, 'POST', '/api/v1/roles', { name: one.word, permissions: ['messages.reply'] })
  await asked(one.key, 'POST', `/api/v1/conversations/${one.conversation}/assign`, { assignee: body.id })
  const sent = await asked(one.key, 'POST', '/api/v1/messages', {
    to: one.conversation,
    type: 'text',
    text: { body: `${one.word} from us` },
    idempotency_key: 'the same in both',
  })
  expect(sent.status).toBe(202)
  let last = ''
  await until(
    'what it sends is settled',
    async () => {
      const { state } = (await asked(one.key, 'GET', `/api/v1/messages/${sent.body.id}`)).body
      last = String(state)
      // The platform of these tests has heard nothing of the customer, and knows nothing of the outlet's number.
      return (
        state === 'failed' ||
        (await list(one, 'numbers')).some(({ reason }) => String(reason).endsWith('token_invalid'))
      )
    },
    () => last,
  )
  await asked(one.key, 'POST', '/api/v1/messages', { to: '+491722222222', type: 'text', text: { body: one.word } })
  await eraseSomebody(one)
  for (const each of lists) one.ids.push(...(await list(one, each)).map(({ id }) => String(id)))
  const messages = await list(one, `conversations/${one.conversation}/messages`)
  one.ids.push(...messages.map(({ id }) => String(id)), ...(JSON.stringify(messages).match(/med_[0-9a-z]+/g) ?? []))
  expect(one.ids.some((id) => id.startsWith('med_'))).toBe(true)
}

type View = Record<string, unknown>

async function list(one: Side, what: string): Promise<View[]> {
  return (await asked(one.key, 'GET', `/api/v1/${what}`)).body.items
}

/** What goes on by itself: keys are used, files are fetched. */
const AT_WORK = ['last_used_at', 'attachments', 'attachment']

/** Everything that whoever works there can see of it, but for what time does by itself. */
async function whole(one: Side): Promise<string> {
  const seen: unknown[] = []
  const messages = `conversations/${one.conversation}/messages`
  for (const what of [
    'numbers',
    'conversations',
    'contacts',
    'people',
    'roles',
    'teams',
    'keys',
    'templates',
    messages,
  ])
    seen.push(await list(one, what))
  return JSON.stringify(seen, (name, value) => (AT_WORK.includes(name) ? undefined : value))
}

beforeAll(async () => {
  house = await TestGateway.open({ config: outletText() })
  for (const one of sides) await fill(one)
})
afterAll(() => house.close())

function requireNothingOf(other: Side, answer: ApiAnswer, what: string): void {
  const text = JSON.stringify(answer.body)
  for (const trace of [other.word, other.number, other.waba]) {
    if (text.includes(trace)) throw new Error(`${what} told of ${other.name}: ${trace} in ${text.slice(0, 500)}`)
  }
  const told = other.ids.find((id) => text.includes(`"${id}"`))
  if (told !== undefined) throw new Error(`${what} told an id of ${other.name}: ${told}`)
}

/** Every text of an example that may name something, with what the other workspace has in its place. */
function bodiesOf(examples: readonly object[], other: Side): object[] {
  const found: object[] = []
  for (const example of examples) {
    const text = JSON.stringify(example)
    const named = [...new Set(text.match(/"[a-z]{3}_[0-9a-z]+"/g) ?? [])]
    for (const id of named) {
      for (const theirs of other.ids.filter((one) => one.slice(0, 4) === id.slice(1, 5)))
        found.push(JSON.parse(text.replaceAll(id, JSON.stringify(theirs))) as object)
    }
    const numbered = text.replaceAll(/"1065403522429\d\d"|"support(-us)?"/g, JSON.stringify(other.number))
    if (numbered !== text) found.push(JSON.parse(numbered) as object)
  }
  return found
}

const OWN_WORDS: Readonly<Record<string, (other: Side) => object[]>> = {
  sendMessage: (other) =>
    [other.conversation, `+${CUSTOMER}`].flatMap((to) => [
      { to: other.conversation, type: 'text', text: { body: 'crossing' } },
      { to, type: 'text', text: { body: 'crossing' }, from: { number: other.number } },
      { to, type: 'text', text: { body: 'crossing' }, from: { pool: other === outlet ? 'outlet-desk' : 'support' } },
    ]),
  addTeam: (other) => [
    { name: 'crossing', numbers: [other.number] },
    ...other.ids.filter((id) => id.startsWith('per_')).map((id) => ({ name: 'crossing', people: [id] })),
  ],
  makeKey: (other) => [
    { name: 'crossing', numbers: [other.number] },
    ...other.ids.filter((id) => id.startsWith('per_')).map((person) => ({ name: 'crossing', person })),
  ],
  lookUpContact: (other) => [{ phone: `+${CUSTOMER}`, portfolio: other === outlet ? 'outlet' : 'acme' }],
  searchMessages: (other) => [
    { q: other.word },
    { number: other.number },
    { conversation_id: other.conversation },
    ...other.ids.filter((id) => id.startsWith('con_')).map((person) => ({ person })),
  ],
}

/** What it has to refuse when it is given something of another workspace; the others answer what is their own. */
const FINDS_NOTHING = new Set(['searchMessages', 'sendMessages'])

type Operation = (typeof OPERATIONS)[number]

/** Every id of the other workspace where one stands in the path: there is nothing of the kind. */
async function tryPaths({ id, method, path, body }: Operation, own: Side, other: Side): Promise<number> {
  const given = method === 'get' || method === 'delete' ? undefined : (Object.values(body?.examples ?? {})[0] ?? {})
  for (const theirs of [...other.ids, other.number]) {
    const at = path.replace(/\{\w+\}/, theirs)
    const answer = await asked(own.key, method.toUpperCase(), at, given)
    requireNothingOf(other, answer, `${method} ${at}`)
    expect([id, at, answer.status >= 400]).toEqual([id, at, true])
  }
  return other.ids.length + 1
}

/** A list as it is, and every body that names something of the other workspace. */
async function tryBodies({ id, method, path, body }: Operation, own: Side, other: Side): Promise<number> {
  if (method === 'get') {
    requireNothingOf(other, await asked(own.key, 'GET', path), path)
    return 1
  }
  const bodies = [...bodiesOf(Object.values(body?.examples ?? {}), other), ...(OWN_WORDS[id]?.(other) ?? [])]
  for (const each of bodies) {
    const answer = await asked(own.key, method.toUpperCase(), path, each)
    if (!FINDS_NOTHING.has(id) && answer.status < 400)
      throw new Error(`${id} took ${JSON.stringify(each)}: ${JSON.stringify(answer.body)}`)
    requireNothingOf(other, answer, `${method} ${path}`)
  }
  return bodies.length
}

describe.each([
  [main, outlet],
  [outlet, main],
])('whoever works in one', (own, other) => {
  test(`gets nothing of ${other.name} by any operation, and changes nothing there`, async () => {
    const before = await whole(other)
    const { head } = (await asked(other.key, 'GET', '/api/v1/me')).body
    let count = 0
    for (const operation of OPERATIONS.filter(({ path }) => path.startsWith('/api/v1/')))
      count += operation.path.includes('{')
        ? await tryPaths(operation, own, other)
        : await tryBodies(operation, own, other)
    expect(Object.keys(OWN_WORDS).filter((name) => !OPERATIONS.some(({ id }) => id === name))).toEqual([])
    expect(count).toBeGreaterThan(500)
    expect(await whole(other)).toBe(before)
    const { events } = (await asked(other.key, 'GET', `/api/v1/events?after=${head}`)).body
    expect(events.filter(({ type }: { type: string }) => type !== 'message.media')).toEqual([])
  })

  test(`names something of ${other.name} beside their own, and is refused`, async () => {
    const theirs = (kind: string) => String(other.ids.find((id) => id.startsWith(kind)))
    const mine = (kind: string) => String(own.ids.find((id) => id.startsWith(kind)))
    const upto = theirs('msg_')
    const asks: [string, string, unknown][] = [
      ['POST', `/api/v1/contacts/${mine('con_')}/merge`, { into: theirs('con_') }],
      ['POST', `/api/v1/conversations/${own.conversation}/assign`, { assignee: theirs('per_') }],
      ['POST', `/api/v1/conversations/${own.conversation}/assign`, { team: theirs('tea_') }],
      ['POST', `/api/v1/conversations/${own.conversation}/read`, { upto }],
      ['PATCH', `/api/v1/people/${mine('per_')}`, { role: theirs('rol_') }],
      ['PATCH', `/api/v1/teams/${mine('tea_')}`, { people: [theirs('per_')] }],
      ['PATCH', `/api/v1/teams/${mine('tea_')}`, { numbers: [other.number] }],
      ['POST', '/api/v1/people', { name: 'x', email: `x.${own.word}@example.com`, role: theirs('rol_') }],
      [
        'POST',
        '/api/v1/messages',
        { to: own.conversation, type: 'text', text: { body: 'x' }, from: { number: other.number } },
      ],
    ]
    for (const [method, path, body] of asks) {
      const answer = await asked(own.key, method, path, body)
      expect([path, body, answer.status >= 400]).toEqual([path, body, true])
      requireNothingOf(other, answer, path)
    }
  })

  test(`goes on from no cursor of ${other.name} into what is theirs, and hears no event of it`, async () => {
    for (const what of ['conversations', 'contacts', 'people', 'keys', 'notices', 'numbers', 'templates', 'erasures']) {
      const { next } = (await asked(other.key, 'GET', `/api/v1/${what}?limit=1`)).body
      for (const cursor of [next, 'zzzzzzzzz.zzzzzzzzz', 'zzzzzzzzz'].filter((one) => one !== null)) {
        const answer = await asked(own.key, 'GET', `/api/v1/${what}?cursor=${encodeURIComponent(cursor)}`)
        requireNothingOf(other, answer, what)
      }
    }
    let after = 0
    for (;;) {
      const { events, upto, head } = (await asked(own.key, 'GET', `/api/v1/events?after=${after}`)).body
      requireNothingOf(other, { status: 200, headers: new Headers(), body: events }, 'events')
      if (after === 0) expect(events.length).toBeGreaterThan(3)
      after = upto
      if (upto >= head) break
    }
  })

  test(`finds its own by the same words, and hears its own alone on a socket`, async () => {
    const found = async () => (await asked(own.key, 'POST', '/api/v1/search', { q: 'common words' })).body
    await until('the index has it', async () => (await found()).items.length > 0)
    expect((await found()).items).toHaveLength(1)
    const { ticket } = (await asked(own.key, 'POST', '/api/v1/realtime/tickets', {})).body
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
    let heard = ''
    const { promise: done, resolve } = Promise.withResolvers<void>()
    socket.addEventListener('message', ({ data }) => {
      heard += data
      const { type, epoch } = JSON.parse(String(data))
      if (type === 'hello') socket.send(JSON.stringify({ type: 'subscribe', id: 1, after: 0, epoch }))
      if (heard.includes(idOf(own))) resolve()
    })
    const idOf = (to: Side) => `wamid.live.${to.word}.${sides.indexOf(own)}`
    const live = async (to: Side) => {
      const text = { body: `live ${to.word}` }
      const id = idOf(to)
      const timestamp = String(Math.floor(Date.now() / 1000))
      await delivered(to, [said(to, [{ from: CUSTOMER, timestamp, id, type: 'text', text }])])
    }
    await live(other)
    await live(own)
    await done
    socket.close()
    expect(heard).not.toContain(other.word)
    expect(other.ids.filter((id) => heard.includes(`"${id}"`))).toEqual([])
  })
})

describe('the workspace of a request', () => {
  test('is chosen by a key of the house, and by no other', async () => {
    const { items } = (await ofHouse('outlet', 'GET', '/api/v1/workspaces')).body
    expect(items).toMatchObject([
      { id: 'wsp_1', name: 'main', current: false },
      { name: 'outlet', current: true },
    ])
    expect((await asked(outlet.key, 'GET', '/api/v1/workspaces')).body.items).toMatchObject([{ name: 'outlet' }])
    for (const name of ['main', 'nowhere']) {
      const headers = { Authorization: `Bearer ${outlet.key}`, 'Gatehouse-Workspace': name }
      expect((await house.request('/api/v1/conversations', { headers })).status).toBe(404)
    }
  })

  test('is one alone: what is elsewhere is not there for a key of the house either', async () => {
    expect((await ofHouse('main', 'GET', `/api/v1/conversations/${outlet.conversation}`)).status).toBe(404)
    expect((await ofHouse('outlet', 'GET', `/api/v1/conversations/${outlet.conversation}`)).status).toBe(200)
  })

  test('is that of the portfolio, which stays there once anybody is known in it', async () => {
    const moved = house.configText
    house.configText = testConfigText(outletText()).replace('id = "outlet"\nworkspace = "outlet"', 'id = "outlet"')
    const report = await house.reload()
    house.configText = moved
    expect(report.outcome).toBe('refused')
    expect(report.problems.join()).toContain('outlet has conversations or teams in its workspace')
    expect((await house.reload()).outcome).not.toBe('refused')
  })
})

test('an owner of one takes somebody of the other in, and gets neither their account nor their name', async () => {
  const who = { name: 'Di', email: 'di@example.com', role: 'admin' }
  const at = `/api/v1/people/${(await asked(main.key, 'POST', '/api/v1/people', who)).body.id}`
  expect((await asked(outlet.key, 'POST', '/api/v1/people', { ...who, role: 'agent' })).status).toBe(201)
  const link = async () => (await asked(outlet.key, 'POST', `${at}/link`, { kind: 'invitation' })).status
  expect(await link()).toBe(403)
  expect((await asked(outlet.key, 'PATCH', at, { name: 'Y' })).body).toMatchObject({ status: 403, path: '/name' })
  expect((await asked(outlet.key, 'PATCH', at, { name: who.name })).status).toBe(200)
  // Whoever is suspended in one may come back there.
  await asked(main.key, 'PATCH', at, { state: 'suspended' })
  expect(await link()).toBe(403)
  expect((await ofHouse('outlet', 'PATCH', at, { name: 'Z' })).body.name).toBe('Z')
  expect((await ofHouse('outlet', 'POST', `${at}/link`, { kind: 'invitation' })).status).toBe(201)
})

describe('a browser of somebody who works in one', () => {
  const browsers = new Map<Side, TestBrowser>()
  beforeAll(async () => {
    for (const one of sides) {
      const who = { name: `Cy ${one.word}`, email: `cy-${one.word}@example.com`, role: 'admin' }
      const { body } = await asked(one.key, 'POST', '/api/v1/people', who)
      const link = await asked(one.key, 'POST', `/api/v1/people/${body.id}/link`, { kind: 'invitation' })
      const browser = new TestBrowser(house)
      await browser.post('/api/auth/links', { token: tokenOf(link.body.url), password: TEST_PASSWORD })
      const entered = await browser.post('/api/auth/sign-in', { email: who.email, password: TEST_PASSWORD })
      expect(entered.status).toBe(200)
      browsers.set(one, browser)
    }
  })

  const tried = (path: string) => path.startsWith('/api/auth/') && path !== '/api/auth/sign-out'

  test.each([
    [main, outlet],
    [outlet, main],
  ])('gets and changes nothing of the other by any operation of signing in', async (own, other) => {
    const [mine, theirs] = [browsers.get(own), browsers.get(other)]
    if (!mine || !theirs) throw new Error('Both are signed in')
    const before = await whole(other)
    const sessions = (await theirs.get('/api/auth/sessions')).body.items
    let count = 0
    for (const { id, method, path, body } of OPERATIONS.filter((operation) => tried(operation.path))) {
      const given =
        method === 'get' || method === 'delete' ? {} : { body: Object.values(body?.examples ?? {})[0] ?? {} }
      const at = path.replace('{id}', sessions[0].id)
      for (const workspace of [own.name, other.name]) {
        const answer = await mine.ask(method.toUpperCase(), at, {
          ...given,
          headers: { 'Gatehouse-Workspace': workspace },
        })
        requireNothingOf(other, answer, `${method} ${at}`)
        expect(JSON.stringify(answer.body)).not.toContain(sessions[0].id)
        if (path.includes('{')) expect([id, answer.status >= 400]).toEqual([id, true])
        count++
      }
    }
    expect(count).toBeGreaterThan(25)
    expect((await mine.get('/api/auth/session', { 'Gatehouse-Workspace': other.name })).status).toBe(404)
    expect((await mine.get('/api/auth/session')).body.workspaces).toHaveLength(1)
    expect((await theirs.get('/api/auth/sessions')).body.items).toHaveLength(sessions.length)
    expect(await whole(other)).toBe(before)
  })

  test('makes no link for somebody of the other', async () => {
    const stranger = outlet.ids.find((id) => id.startsWith('per_'))
    const mine = browsers.get(main)
    const asking = (name: string) =>
      mine?.ask('POST', `/api/v1/people/${stranger}/link`, {
        body: { kind: 'password' },
        headers: { 'Gatehouse-Workspace': name },
      })
    expect([(await asking('main'))?.status, (await asking('outlet'))?.status]).toEqual([404, 404])
  })
})
