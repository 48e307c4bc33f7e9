import type { Server, ServerWebSocket } from 'bun'
import { PERMISSION_NAMES } from '../core/permissions.ts'
import { CONSOLE_POLICY, loadConsoleAssets, withSimulator } from './assets.ts'
import type { ConsoleAsset } from './bundle.ts'
import { atDoor, isSignedIn } from './fake-door.test-support.ts'
import { searched } from './fake-search.test-support.ts'
import { withAttachment, withReaction, withRevoke } from './store-acts.ts'
import type { AttachmentView, ConversationView, EventRecord, MessageView, NumberView, PersonView } from './wire.ts'

/**
 * The server as the console sees it, in memory: the contract's paths, the journal and the socket, nothing behind them.
 * Tests of the console drive it; nothing else may use it.
 */
export interface FakeServer {
  readonly url: string
  readonly key: string
  /** Requests seen, as "METHOD /path". */
  readonly requests: string[]
  /** Messages taken, by idempotency key. */
  readonly taken: Map<string, MessageView>
  addNumber(number: NumberView): void
  /** Adds without an event, as if it had always been there. */
  addConversation(view: Partial<ConversationView> & { id: string }): ConversationView
  addMessage(message: Partial<MessageView> & { conversation_id: string }): MessageView
  /** A customer writes: stored, and told to everybody who listens. */
  receive(conversationId: string, message: Partial<MessageView>): MessageView
  /** Somebody reacts; null takes it back. */
  react(messageId: string, emoji: string | null, by?: 'customer' | 'us'): void
  /** Its author writes it anew. */
  edit(messageId: string, text: string): void
  /** Its author takes it back. */
  revoke(messageId: string, revoked: 'kept' | 'hidden' | 'deleted'): void
  /** Something became of a file of a message. */
  file(messageId: string, attachment: AttachmentView): void
  /** Bytes under a path of the API. */
  bytes: Map<string, Blob>
  people: Map<string, PersonView>
  /** A person changed, and everybody is told. */
  changePerson(id: string, change: Partial<PersonView>): void
  /** The platform reports. */
  report(messageId: string, state: MessageView['state'], reason?: string): void
  /** States that a sent message goes through by itself. */
  progress: MessageView['state'][]
  /** Answers of `POST /messages` to lose after they took effect. */
  loseAnswers: number
  /** Ends the process, so to speak: nothing answers until `up`. */
  down(): Promise<void>
  up(): void
  stop(): Promise<void>
}

interface House {
  conversations: Map<string, ConversationView>
  messages: Map<string, MessageView[]>
  numbers: NumberView[]
  events: EventRecord[]
  sockets: Set<ServerWebSocket<unknown>>
  tickets: Set<string>
  bytes: Map<string, Blob>
  people: Map<string, PersonView>
  /** What messages said that their author took back. */
  takenBack: Map<string, MessageView>
  offset: number
  count: number
}

const EPOCH = 'epoch-of-the-fake'
const KEY = 'key-of-the-fake'
const DAY_MS = 86_400_000

/** Starts one on a free port. `simulator` puts it into demo mode. */
export async function startFakeServer(options: { simulator?: string; port?: number } = {}): Promise<FakeServer> {
  const assets = await loadConsoleAssets()
  const house: House = {
    conversations: new Map(),
    messages: new Map(),
    numbers: [],
    events: [],
    sockets: new Set(),
    tickets: new Set(),
    bytes: new Map(),
    people: new Map(),
    takenBack: new Map(),
    offset: 100,
    count: 0,
  }
  let server: Server<undefined> | null = null
  let port = options.port ?? 0
  const fake: FakeServer = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    key: KEY,
    requests: [],
    taken: new Map(),
    progress: ['sending', 'accepted', 'sent', 'delivered', 'read'],
    loseAnswers: 0,
    addNumber: (number) => void house.numbers.push(number),
    addConversation: (view) => addConversation(house, view),
    addMessage: (message) => addMessage(house, message),
    receive: (conversationId, message) => receive(house, conversationId, message),
    react: (messageId, emoji, by = 'customer') => react(house, messageId, emoji, by),
    edit: (messageId, text) => edit(house, messageId, text),
    revoke: (messageId, revoked) => revoke(house, messageId, revoked),
    file: (messageId, attachment) => putFile(house, messageId, attachment),
    bytes: house.bytes,
    people: house.people,
    changePerson: (id, change) => changePerson(house, id, change),
    report: (messageId, state, reason) => report(house, messageId, state, reason),
    async down() {
      for (const socket of house.sockets) socket.terminate()
      house.sockets.clear()
      await server?.stop(true)
      server = null
    },
    up() {
      server = serve(port)
    },
    stop: () => fake.down(),
  }

  function serve(onPort: number): Server<undefined> {
    return Bun.serve({
      hostname: '127.0.0.1',
      port: onPort,
      fetch: (request, self) => answer(request, self),
      websocket: {
        open(socket) {
          house.sockets.add(socket)
          socket.send(
            JSON.stringify({ type: 'hello', version: 1, epoch: EPOCH, head: house.offset, heartbeat_ms: 20_000 }),
          )
        },
        message: (socket, text) => onFrame(house, socket, String(text)),
        close: (socket) => void house.sockets.delete(socket),
      },
    })
  }

  async function answer(request: Request, self: Server<undefined>): Promise<Response | undefined> {
    const { pathname, searchParams } = new URL(request.url)
    fake.requests.push(`${request.method} ${pathname}`)
    if (pathname === '/realtime') return upgrade(house, request, self)
    if (!pathname.startsWith('/api/')) return page(assets, pathname, options.simulator)
    if (pathname.startsWith('/api/auth/')) return await atDoor(request, pathname)
    const isKnown = isSignedIn(request) || request.headers.get('authorization') === `Bearer ${KEY}`
    if (!isKnown) return problem(401, 'unauthorized', 'Unknown key')
    const bytes = house.bytes.get(pathname)
    if (bytes !== undefined) return new Response(bytes)
    const body = ['POST', 'PATCH'].includes(request.method)
      ? ((await request.json().catch(() => ({}))) as Record<string, unknown>)
      : {}
    const path = pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent)
    if (path[0] === 'messages' && path.length === 1) return send(house, fake, request, body)
    const route = `${request.method} ${path[0]}`
    return more(house, route, path, body, searchParams) ?? api(house, route, path, searchParams)
  }

  server = serve(port)
  port = server.port ?? 0
  return fake
}

function api(house: House, route: string, path: string[], query: URLSearchParams): Response {
  if (route === 'GET me')
    return Response.json({ role: 'owner', permissions: PERMISSION_NAMES, epoch: EPOCH, head: house.offset })
  if (route === 'GET numbers') return Response.json({ items: house.numbers, next: null, as_of: house.offset })
  if (route === 'POST realtime') {
    const ticket = crypto.randomUUID()
    house.tickets.add(ticket)
    return Response.json({ ticket, expires_at: new Date(Date.now() + 30_000).toISOString() })
  }
  const [, id = '', part] = path
  if (route === 'POST messages') {
    report(house, id, part === 'retry' ? 'queued' : 'cancelled')
    return Response.json({ id })
  }
  if (route === 'GET conversations' && id === '') {
    const all = [...house.conversations.values()].sort((a, b) => (activity(a) < activity(b) ? 1 : -1))
    return paged(house, all, query)
  }
  const view = house.conversations.get(id)
  if (view === undefined) return problem(404, 'not_found', 'No such conversation')
  if (part === 'messages') return paged(house, (house.messages.get(id) ?? []).toReversed(), query)
  if (part === 'read') {
    view.unread = 0
    emit(house, 'conversation.updated', { conversation: bare(view) })
    return Response.json({ id, unread: 0 })
  }
  return Response.json(view)
}

const REPORT = {
  done_at: '2026-11-22T09:10:02.120Z',
  erased: { messages: 214, journal_entries: 1, consents: 0 },
  copies: [{ of: 'journal_in_backups', unreadable_from: '2026-12-01T00:00:00.000Z', because: 'the key of a day dies' }],
}

/** What is asked beside conversations and messages. */
function more(
  house: House,
  route: string,
  [, id = '', part]: string[],
  body: Record<string, unknown>,
  query: URLSearchParams,
): Response | null {
  if (route === 'POST search') return search(house, body)
  if (route === 'GET erasures') return Response.json({ id, state: 'done', report: REPORT, report_sha256: '5f0b' })
  if (route === 'POST media' && part === 'fetch') return Response.json({ id, state: 'waiting' })
  if (route === 'GET messages') {
    const shown = query.get('revoked') === 'show' ? house.takenBack.get(id) : findMessage(house, id)
    return shown === undefined ? problem(404, 'not_found', 'No such message') : Response.json(shown)
  }
  if (route === 'POST contacts' && id === 'lookup') {
    const wanted = Object.values(body)[0]
    const found = [...house.people.values()].find((person) => person.identities.some(({ value }) => value === wanted))
    return found === undefined ? problem(404, 'not_found', 'No such contact') : Response.json(found)
  }
  if (!route.endsWith(' contacts')) return null
  const person = house.people.get(id)
  if (person === undefined) return problem(404, 'not_found', 'No such contact')
  return personAnswer(house, `${route} ${part ?? ''}`, person, body)
}

function personAnswer(house: House, route: string, person: PersonView, body: Record<string, unknown>): Response {
  const { id } = person
  if (route === 'GET contacts conversations') {
    const own = [...house.conversations.values()].filter((view) => view.contact.id === id)
    return Response.json({ items: own, next: null, as_of: house.offset })
  }
  if (route === 'PATCH contacts ') {
    const attributes = Object.entries({ ...person.attributes, ...(body['attributes'] as object) })
    const name = 'name' in body ? { name: body['name'] as string | null } : {}
    changePerson(house, id, {
      ...name,
      attributes: Object.fromEntries(attributes.filter(([, value]) => value !== null)),
    })
  }
  if (route === 'POST contacts merge') {
    const into = house.people.get(String(body['into']))
    if (into === undefined) return problem(400, 'invalid', 'No such contact')
    changePerson(house, into.id, {
      merged: [...into.merged, id],
      identities: [...into.identities, ...person.identities],
    })
    changePerson(house, id, { merged_into: into.id })
    return Response.json({ id: 'mrg_1', contact: id, into: into.id })
  }
  if (route === 'POST contacts unmerge') {
    const into = house.people.get(person.merged_into ?? '')
    if (into === undefined) return problem(409, 'conflict', 'Not merged')
    const own = into.identities.filter((identity) => identity.contact_id !== id)
    changePerson(house, into.id, { merged: into.merged.filter((other) => other !== id), identities: own })
    changePerson(house, id, { merged_into: null })
    return Response.json({ id: 'mrg_1', contact: id, into: into.id })
  }
  if (route === 'DELETE contacts ') {
    for (const view of house.conversations.values()) {
      if (view.contact.id !== id) continue
      Object.assign(view, { contact: { id, erased: true }, last_message: null })
      house.messages.set(view.id, [])
    }
    changePerson(house, id, { name: null, phone: null, identities: [], erased: true })
    return Response.json({ id: 'ers_1', state: 'running', report: null, report_sha256: null }, { status: 202 })
  }
  return Response.json(house.people.get(id) ?? person)
}

function search(house: House, body: Record<string, unknown>): Response {
  const found = searched([...house.messages.values()].flat(), body, (id) => house.conversations.get(id)?.contact.name)
  if (typeof found === 'string') return problem(400, 'invalid', found)
  return Response.json({ items: found, next: null, as_of: house.offset, more: false })
}

function findMessage(house: House, id: string): MessageView | undefined {
  return [...house.messages.values()].flat().find((message) => message.id === id)
}

/** Changes a message, and answers it as it was and is. */
function alter(house: House, id: string, change: (message: MessageView) => MessageView): [MessageView, MessageView] {
  for (const list of house.messages.values()) {
    const index = list.findIndex((message) => message.id === id)
    const before = list[index]
    if (before === undefined) continue
    const after = change(before)
    list[index] = after
    const view = house.conversations.get(before.conversation_id)
    if (view?.last_message?.id === id) view.last_message = after
    return [before, after]
  }
  throw new Error('No such message')
}

function react(house: House, id: string, emoji: string | null, by: 'customer' | 'us'): void {
  const conversationId = findMessage(house, id)?.conversation_id ?? ''
  const contactId = by === 'us' ? null : (house.conversations.get(conversationId)?.contact.id ?? null)
  const data = { emoji, by, contact_id: contactId, at: new Date().toISOString() }
  const [{ upstream_id }] = alter(house, id, (message) => withReaction(message, data))
  emit(house, 'message.reaction', { message_id: id, upstream_id, conversation_id: conversationId, ...data })
}

function edit(house: House, id: string, text: string): void {
  const at = new Date().toISOString()
  const content = { kind: 'text', text }
  const [, after] = alter(house, id, (message) => ({ ...message, text: { body: text }, content, edited_at: at }))
  const { reactions: _, ...told } = after
  emit(house, 'message.edited', { message_id: id, conversation_id: after.conversation_id, message: told, at })
}

function revoke(house: House, id: string, revoked: 'kept' | 'hidden' | 'deleted'): void {
  const at = new Date().toISOString()
  const [before] = alter(house, id, (message) => withRevoke(message, { revoked, at }))
  house.takenBack.set(id, { ...before, revoked, revoked_at: at })
  const { conversation_id, upstream_id } = before
  emit(house, 'message.revoked', { message_id: id, upstream_id, conversation_id, revoked, direction: 'in', at })
}

function putFile(house: House, id: string, attachment: AttachmentView): void {
  const [{ conversation_id }] = alter(house, id, (message) => withAttachment(message, attachment))
  emit(house, 'message.media', { message_id: id, conversation_id, attachment })
}

function changePerson(house: House, id: string, change: Partial<PersonView>): void {
  const person = house.people.get(id)
  if (person === undefined) throw new Error('No such person')
  const after = { ...person, ...change }
  house.people.set(id, after)
  for (const view of house.conversations.values()) {
    if (view.contact.id === id) view.contact = { ...view.contact, name: after.name ?? null }
  }
  emit(house, 'contact.updated', { contact: after })
}

function send(house: House, fake: FakeServer, request: Request, body: Record<string, unknown>): Response {
  const key = request.headers.get('idempotency-key') ?? ''
  const view = house.conversations.get(String(body['to']))
  if (view === undefined) return problem(404, 'not_found', 'No such conversation')
  if (JSON.stringify(body['text']).includes('refuse me')) {
    return problem(422, 'window_closed', 'The 24-hour window is closed')
  }
  let message = fake.taken.get(key)
  if (message === undefined) {
    const { to, ...rest } = body
    message = addMessage(house, { ...rest, conversation_id: view.id, direction: 'out', state: 'queued' })
    fake.taken.set(key, message)
    const made = message
    emit(house, 'message.state', {
      message_id: made.id,
      conversation_id: view.id,
      state: 'queued',
      reason: null,
      attempt: 0,
      message: { ...made },
    })
    for (const [index, state] of fake.progress.entries()) {
      setTimeout(() => report(house, made.id, state), 60 * (index + 1))
    }
  }
  if (fake.loseAnswers > 0) {
    fake.loseAnswers -= 1
    return problem(503, 'unavailable', 'Lost on the way')
  }
  return Response.json({ id: message.id, state: message.state, conversation_id: view.id }, { status: 202 })
}

function addConversation(house: House, given: Partial<ConversationView> & { id: string }): ConversationView {
  const view: ConversationView = {
    number: '106540352242922',
    number_alias: 'Support',
    contact: { id: `contact-${given.id}`, name: 'Ada Byron', phone: '+4915112345678' },
    unread: 0,
    created_at: new Date(Date.now() - DAY_MS).toISOString(),
    last_message_at: null,
    window_expires_at: new Date(Date.now() + DAY_MS - 3_600_000).toISOString(),
    standby: false,
    last_message: null,
    ...given,
  }
  house.conversations.set(view.id, view)
  return view
}

function addMessage(house: House, given: Partial<MessageView> & { conversation_id: string }): MessageView {
  house.count += 1
  const id = `message-${String(house.count).padStart(6, '0')}`
  const message: MessageView = {
    id,
    upstream_id: `wamid.${id}`,
    direction: 'in',
    type: 'text',
    at: new Date().toISOString(),
    state: given.direction === 'out' ? 'sent' : 'received',
    reason: null,
    ...contentIn(given),
    ...given,
  }
  const list = house.messages.get(message.conversation_id) ?? []
  list.push(message)
  list.sort((a, b) => (a.at + a.id < b.at + b.id ? -1 : 1))
  house.messages.set(message.conversation_id, list)
  const view = house.conversations.get(message.conversation_id)
  const last = list.at(-1)
  if (view !== undefined && last !== undefined) {
    view.last_message = last
    view.last_message_at = last.at
  }
  return message
}

/** A text says what it says. */
function contentIn({ text }: Partial<MessageView>): Partial<MessageView> {
  const body = (text as { body?: unknown } | undefined)?.body
  return typeof body === 'string' ? { content: { kind: 'text', text: body } } : {}
}

function receive(house: House, conversationId: string, given: Partial<MessageView>): MessageView {
  const message = addMessage(house, { ...given, conversation_id: conversationId })
  const view = house.conversations.get(conversationId) ?? addConversation(house, { id: conversationId })
  view.unread += 1
  view.last_message = message
  view.last_message_at = message.at
  emit(house, 'message.received', { message: { ...message }, conversation: bare(view) })
  return message
}

function report(house: House, messageId: string, state: MessageView['state'], reason: string | null = null): void {
  for (const list of house.messages.values()) {
    const message = list.find((other) => other.id === messageId)
    if (message === undefined) continue
    message.state = state
    message.reason = reason
    const { conversation_id, upstream_id, reference } = message
    emit(house, 'message.state', {
      message_id: messageId,
      upstream_id,
      conversation_id,
      reference,
      state,
      reason,
      attempt: 1,
    })
  }
}

function emit(house: House, type: string, data: Record<string, unknown>): void {
  const after = house.offset
  house.offset += 1
  const event: EventRecord = { offset: house.offset, type, at: new Date().toISOString(), data }
  house.events.push(event)
  const frame = JSON.stringify({ type: 'events', after, upto: event.offset, events: [event] })
  for (const socket of house.sockets) if ((socket.data as { subscribed?: boolean }).subscribed) socket.send(frame)
}

function onFrame(house: House, socket: ServerWebSocket<unknown>, text: string): void {
  const frame = JSON.parse(text) as { type: string; id?: number; after?: number }
  if (frame.type !== 'subscribe') return
  const after = frame.after ?? house.offset
  const events = house.events.filter((event) => event.offset > after)
  ;(socket.data as { subscribed?: boolean }).subscribed = true
  socket.send(JSON.stringify({ type: 'events', after, upto: house.offset, events }))
}

function upgrade(house: House, request: Request, server: Server<undefined>): Response | undefined {
  const offered = (request.headers.get('sec-websocket-protocol') ?? '').split(/,\s*/)
  const ticket = offered.find((word) => word.startsWith('ticket.'))?.slice('ticket.'.length) ?? ''
  if (!offered.includes('gatehouse.v1') || !house.tickets.delete(ticket)) return new Response(null, { status: 401 })
  const headers = { 'sec-websocket-protocol': 'gatehouse.v1' }
  return server.upgrade(request, { headers, data: {} as never }) ? undefined : new Response(null, { status: 400 })
}

function page(assets: Map<string, ConsoleAsset>, pathname: string, simulator: string | undefined): Response {
  const asset = assets.get(pathname === '/' ? '/index.html' : pathname)
  if (asset === undefined) return new Response('Not found', { status: 404 })
  const isPage = asset.contentType.startsWith('text/html')
  const body = isPage && simulator !== undefined ? withSimulator(asset.body, simulator) : asset.body
  return new Response(body, {
    headers: { 'content-type': asset.contentType, 'content-security-policy': CONSOLE_POLICY },
  })
}

function paged<T>(house: House, all: T[], query: URLSearchParams): Response {
  const from = Number(query.get('cursor') ?? 0)
  const to = from + Number(query.get('limit') ?? 50)
  return Response.json({ items: all.slice(from, to), next: to < all.length ? String(to) : null, as_of: house.offset })
}

function problem(status: number, code: string, detail: string): Response {
  const headers = { 'content-type': 'application/problem+json' }
  return new Response(JSON.stringify({ type: 'about:blank', title: code, status, code, detail }), { status, headers })
}

/** As it stands in an event, which tells what the event knew. */
function bare(view: ConversationView): Partial<ConversationView> {
  const { last_message: _message, last_message_at: _at, standby: _standby, ...rest } = view
  return rest
}

function activity(view: ConversationView): string {
  return (view.last_message_at ?? view.created_at) + view.id
}
