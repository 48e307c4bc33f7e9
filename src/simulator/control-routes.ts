import { type Clock, pause, toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { showMessage } from './chat-view.ts'
import { readCustomer } from './customer-input.ts'
import type { Customer } from './customers.ts'
import type { Deliverer } from './deliverer.ts'
import { EVENT_ROUTES } from './event-routes.ts'
import { FAULT_KINDS } from './faults.ts'
import { isObject, parseJson, textMember } from './json.ts'
import { openStream } from './live-stream.ts'
import { RECEIVED_MS } from './media.ts'
import { type Platform, WINDOW_MS } from './platform.ts'
import { readSettings, showSettings } from './settings.ts'
import { findCustomer, reachCustomer } from './writing.ts'

/** What the control routes need. */
export interface ControlOptions {
  platform: Platform
  deliverer: Deliverer
  clock: Clock
  /** Ends streams and waits when the simulator stops. */
  signal: AbortSignal
  startedAtMs: number
}

interface Call {
  request: Request
  query: URLSearchParams
  /** The variable parts of the path, decoded. */
  parts: string[]
}

type Run = (call: Call, options: ControlOptions) => Response | Promise<Response>

const ROUTES: readonly (readonly [string, RegExp, Run])[] = [
  ['GET', /^\/_\/health$/, showHealth],
  ['GET', /^\/_\/limits$/, showLimits],
  ['DELETE', /^\/_\/limits$/, resetLimits],
  ['GET', /^\/_\/sends$/, listSends],
  ['GET', /^\/_\/numbers$/, listNumbers],
  ['GET', /^\/_\/settings$/, (_, { platform }) => json(200, showSettings(platform.settings))],
  ['PATCH', /^\/_\/settings$/, changeSettings],
  ['PATCH', /^\/_\/secrets$/, changeSecrets],
  ['GET', /^\/_\/faults$/, listFaults],
  ['POST', /^\/_\/faults$/, addFault],
  ['DELETE', /^\/_\/faults$/, clearFaults],
  ['DELETE', /^\/_\/faults\/([^/]+)$/, removeFault],
  ['GET', /^\/_\/customers$/, listCustomers],
  ['PUT', /^\/_\/customers\/([^/]+)$/, changeCustomer],
  ['GET', /^\/_\/customers\/([^/]+)\/messages$/, listMessages],
  ['POST', /^\/_\/customers\/([^/]+)\/messages$/, writeMessages],
  ['POST', /^\/_\/customers\/([^/]+)\/read$/, readChat],
  ['POST', /^\/_\/media$/, addMedia],
  ['DELETE', /^\/_\/media\/addresses$/, (_, { platform }) => json(200, { ended: platform.media.endAddresses() })],
  ['GET', /^\/_\/media\/([^/]+)$/, showMedia],
  ['DELETE', /^\/_\/media\/([^/]+)$/, removeMedia],
  [
    'GET',
    /^\/_\/stream$/,
    ({ request }, { platform, clock, signal }) => openStream(platform, clock, [signal, request.signal]),
  ],
  ...EVENT_ROUTES.map(
    ([method, pattern, run]) =>
      [
        method,
        pattern,
        async ({ request, query, parts }: Call, { platform }: ControlOptions) => {
          const input = method === 'GET' ? {} : await readOptionalBody(request)
          const { status, body } = run(platform, { input, query, parts })
          return json(status, body)
        },
      ] as const,
  ),
]

/** Answers a request to the simulator itself; refusals are thrown as a `Failure`. */
export async function answerControl(request: Request, options: ControlOptions): Promise<Response> {
  const url = new URL(request.url)
  const asked = request.method === 'HEAD' ? 'GET' : request.method
  const origin = request.headers.get('origin')
  if (origin !== null && hostOf(origin) !== url.host && asked !== 'GET') {
    throw new Failure('forbidden', 'Only pages of the simulator itself may change it')
  }
  const methods: string[] = []
  for (const [method, pattern, run] of ROUTES) {
    const match = pattern.exec(url.pathname)
    if (!match) continue
    methods.push(method)
    if (method === asked) {
      return run({ request, query: url.searchParams, parts: match.slice(1).map(decoded) }, options)
    }
  }
  if (methods.length === 0) throw new Failure('not_found', 'No such address: see src/simulator/README.md')
  throw new Failure('method_not_allowed', `This address takes ${methods.join(', ')}`, { allow: methods })
}

/** By host alone: a proxy in front may speak TLS while it asks us without. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

/** The text of a part of the address; one that is not well-formed stays as it is and is refused for what it says. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json; charset=utf-8' } })
}

async function readBody(request: Request): Promise<unknown> {
  const body = await readOptionalBody(request)
  if (body === NO_BODY) throw new Failure('invalid', 'The body must be JSON, nested at most 64 deep')
  return body
}

const NO_BODY = {}

async function readOptionalBody(request: Request): Promise<unknown> {
  const text = await request.text()
  if (text.trim() === '') return NO_BODY
  const body = parseJson(text)
  if (body === undefined) throw new Failure('invalid', 'The body must be JSON, nested at most 64 deep')
  return body
}

function wholeNumber(
  query: URLSearchParams,
  path: string,
  range: { least: number; most: number; absent: number },
): number {
  const text = query.get(path)
  if (text === null) return range.absent
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= range.least && value <= range.most) return value
  throw new Failure('invalid', `Must be a whole number from ${range.least} to ${range.most}`, { path })
}

function showHealth(_: Call, { platform, deliverer, clock, startedAtMs }: ControlOptions): Response {
  const { outbox, customers, sends, media, pairs, faults } = platform
  return json(200, {
    status: 'ok',
    started_at: toTime(startedAtMs),
    now: toTime(clock.epochMs()),
    handshake: deliverer.handshake,
    webhooks: { pending: outbox.pending, under_way: outbox.underWay, ...outbox.counts },
    sends: { total: sends.total, dropped: sends.dropped },
    refusals: Object.fromEntries(platform.refusals),
    customers: { kept: customers.size, messages: customers.messageCount, forgotten: customers.forgotten },
    media: media.counts,
    pairs: pairs.counts,
    faults: faults.list().length,
  })
}

function showLimits(_: Call, { platform, clock }: ControlOptions): Response {
  const nowMs = clock.monoMs()
  const items = platform.numbers.map(({ phoneNumberId, alias }) => ({
    number: phoneNumberId,
    alias,
    messages_per_second: platform.settings.messagesPerSecond,
    ...platform.meter(phoneNumberId).show(nowMs),
  }))
  return json(200, { items })
}

function resetLimits(_: Call, { platform, clock }: ControlOptions): Response {
  for (const { phoneNumberId } of platform.numbers) platform.meter(phoneNumberId).reset(clock.monoMs())
  return json(200, { reset: true })
}

function listSends({ query }: Call, { platform }: ControlOptions): Response {
  const number = query.get('number')
  const items = platform.sends.list({
    number: number === null ? null : platform.numberOf(number).phoneNumberId,
    correlation: query.get('correlation'),
    after: wholeNumber(query, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER, absent: 0 }),
    limit: wholeNumber(query, 'limit', { least: 1, most: 10_000, absent: 1000 }),
  })
  return json(200, { items, total: platform.sends.total, dropped: platform.sends.dropped })
}

function listNumbers(_: Call, { platform }: ControlOptions): Response {
  const items = platform.numbers.map((number) => ({
    number: number.phoneNumberId,
    alias: number.alias,
    display: number.display,
    waba: number.wabaId,
  }))
  return json(200, { items })
}

/** Values are taken and never shown. */
async function changeSecrets({ request }: Call, { platform }: ControlOptions): Promise<Response> {
  const body = await readBody(request)
  const appSecret = textMember(isObject(body) ? body : undefined, 'app_secret')
  const accessToken = textMember(isObject(body) ? body : undefined, 'access_token')
  if (appSecret === undefined && accessToken === undefined) {
    throw new Failure('invalid', 'Say {"app_secret": "…"}, {"access_token": "…"} or both')
  }
  platform.changeSecrets({ ...(appSecret && { appSecret }), ...(accessToken && { accessToken }) })
  return json(200, {})
}

async function changeSettings({ request }: Call, { platform, deliverer }: ControlOptions): Promise<Response> {
  platform.change(readSettings(await readBody(request)))
  deliverer.wake()
  return json(200, showSettings(platform.settings))
}

function listFaults(_: Call, { platform }: ControlOptions): Response {
  const kinds = Object.entries(FAULT_KINDS).map(([kind, form]) => ({ kind, plain: form.plain, takes: form.takes }))
  return json(200, { items: platform.faults.list(), kinds })
}

async function addFault({ request }: Call, { platform }: ControlOptions): Promise<Response> {
  const fault = platform.faults.add(await readBody(request), (text) => platform.numberOf(text).phoneNumberId)
  platform.changes.tell({ kind: 'faults' })
  return json(201, fault)
}

function clearFaults(_: Call, { platform }: ControlOptions): Response {
  const removed = platform.faults.list().length
  platform.faults.clear()
  platform.changes.tell({ kind: 'faults' })
  return json(200, { removed })
}

function removeFault({ parts: [id = ''] }: Call, { platform }: ControlOptions): Response {
  if (!platform.faults.remove(id)) throw new Failure('not_found', 'No such fault: it may have been used up')
  platform.changes.tell({ kind: 'faults' })
  return json(200, { removed: 1 })
}

function showCustomer(customer: Customer): Record<string, unknown> {
  const chats = [...customer.chats.values()].map((chat) => ({
    number: chat.number,
    messages: chat.messages.length,
    last_wrote_at: chat.lastWroteAtMs === null ? null : toTime(chat.lastWroteAtMs),
    standby: chat.isStandby,
  }))
  const { name, userId, identity, reads } = customer
  return {
    phone: `+${customer.phone}`,
    name,
    username: customer.username ?? null,
    user_id: userId,
    parent_user_id: customer.parentUserId ?? null,
    identity,
    reads,
    chats,
  }
}

function listCustomers({ query }: Call, { platform }: ControlOptions): Response {
  const limit = wholeNumber(query, 'limit', { least: 1, most: 1000, absent: 100 })
  const items: unknown[] = []
  for (const customer of platform.customers.all()) {
    if (items.length >= limit) break
    items.push(showCustomer(customer))
  }
  return json(200, { items, total: platform.customers.size })
}

async function changeCustomer({ request, parts: [phone = ''] }: Call, { platform }: ControlOptions): Promise<Response> {
  const { userId, ...change } = readCustomer(await readBody(request))
  const customer = reachCustomer(platform, phone)
  const holder = userId === undefined ? undefined : platform.customers.findByUserId(userId)
  if (holder && holder !== customer) throw new Failure('conflict', 'Another customer has this id', { path: 'user_id' })
  Object.assign(customer, change)
  if (userId !== undefined) platform.customers.setUserId(customer, userId)
  return json(200, showCustomer(customer))
}

function listMessages({ query, parts: [phone = ''] }: Call, { platform, clock }: ControlOptions): Response {
  const asked = query.get('number')
  const number = asked === null ? null : platform.numberOf(asked).phoneNumberId
  const customer = findCustomer(platform, phone)
  const chats = [...(customer?.chats.values() ?? [])].filter((chat) => number === null || chat.number === number)
  const items = chats.flatMap((chat) => chat.messages.map((message) => ({ message, number: chat.number })))
  if (chats.length > 1) items.sort((left, right) => left.message.atMs - right.message.atMs)
  const lastWroteAtMs = Math.max(0, ...chats.map((chat) => chat.lastWroteAtMs ?? 0))
  return json(200, {
    phone: customer ? `+${customer.phone}` : null,
    name: customer?.name ?? null,
    is_standby: chats.some((chat) => chat.isStandby),
    is_typing: chats.some((chat) => chat.typingUntilMs > clock.epochMs()),
    window_expires_at: lastWroteAtMs === 0 ? null : toTime(lastWroteAtMs + WINDOW_MS),
    items: items.map((item) => showMessage(item.message, item.number)),
  })
}

/** How long `?wait=1` waits for the gateway. */
const WAIT_MS_MAX = 30_000

async function writeMessages(
  { request, query, parts: [phone = ''] }: Call,
  options: ControlOptions,
): Promise<Response> {
  const { platform, clock, signal } = options
  const body = await readBody(request)
  const ids = platform.write(phone, body)
  const answer = { id: ids[0], ...(ids.length > 1 && { ids }) }
  if (!['1', 'true'].includes(query.get('wait') ?? '')) return json(202, answer)
  const abort = new AbortController()
  const waits = AbortSignal.any([abort.signal, signal, request.signal])
  const pending = new Set(ids)
  const giveUps = ids.map((id) =>
    platform.whenTaken(id, () => {
      pending.delete(id)
      if (pending.size === 0) abort.abort()
    }),
  )
  await pause(clock, WAIT_MS_MAX, waits)
  for (const giveUp of giveUps) giveUp()
  return json(202, { ...answer, delivered: pending.size === 0 })
}

async function readChat(
  { request, query, parts: [phone = ''] }: Call,
  { platform }: ControlOptions,
): Promise<Response> {
  const body = await readOptionalBody(request)
  const inBody = isObject(body) && typeof body['number'] === 'string' ? body['number'] : undefined
  return json(200, { read: platform.read(phone, query.get('number') ?? inBody) })
}

async function addMedia({ request }: Call, { platform, clock }: ControlOptions): Promise<Response> {
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength === 0) throw new Failure('invalid', "The body must be the file's bytes")
  const mimeType = request.headers.get('content-type') ?? 'application/octet-stream'
  const file = platform.media.add(bytes, mimeType, clock.epochMs(), RECEIVED_MS)
  if (!file) throw new Failure('too_large', 'The file is too large')
  return json(201, { id: file.id, sha256: file.sha256, mime_type: file.mimeType })
}

function removeMedia({ parts: [id = ''] }: Call, { platform }: ControlOptions): Response {
  if (!platform.media.remove(id)) throw new Failure('not_found', 'No such file')
  return json(200, { removed: 1 })
}

/** What the page may show or play; anything else is a download. */
const SHOWN = [
  'image/png',
  'image/jpeg',
  'image/webp',
  'video/mp4',
  'audio/ogg',
  'audio/wav',
  'audio/mpeg',
  'audio/mp4',
]

function showMedia({ parts: [id = ''] }: Call, { platform, clock }: ControlOptions): Response {
  const file = platform.media.find(id, clock.epochMs())
  if (!file) throw new Failure('not_found', 'No such file')
  const mimeType = file.mimeType.split(';')[0]?.trim() ?? ''
  const isShown = SHOWN.includes(mimeType)
  const headers = {
    'content-type': isShown ? mimeType : 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    ...(!isShown && { 'content-disposition': 'attachment' }),
  }
  return new Response(file.bytes, { headers })
}
