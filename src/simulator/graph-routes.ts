import { type Clock, pause } from '../core/clock.ts'
import { unknownObject } from './answers.ts'
import { GraphRefusal, refusalBody, traceId } from './graph-error.ts'
import { answerGroup, answerGroups } from './graph-groups.ts'
import type { JsonObject } from './json.ts'
import { lookUpMedia } from './media-routes.ts'
import type { Platform, SendAnswer } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { listTemplates, showTemplate, TEMPLATES } from './templates.ts'

/** What the Graph routes need. */
export interface GraphOptions {
  platform: Platform
  clock: Clock
  random: () => number
}

/** Of the one app that the simulator knows. */
const APP_ID = '1'

const VERSION = /^v\d{1,3}\.\d{1,2}$/

/** Answers a request of the Graph API, or `reset` if the connection is to be reset instead. */
export async function answerGraph(request: Request, options: GraphOptions): Promise<Response | 'reset'> {
  const url = new URL(request.url)
  const [version = '', id = '', edge = '', ...more] = url.pathname.slice(1).split('/')
  const { platform, random } = options
  try {
    if (!VERSION.test(version) || id === '' || more.length > 0) {
      throw new GraphRefusal(2500, 'Unknown path components.', { status: 400 })
    }
    if (edge === 'messages' && request.method === 'POST') return await answerSend(request, id, version, options)
    if (!platform.authorises(request.headers.get('authorization'))) {
      throw new GraphRefusal(190, 'Invalid OAuth access token.')
    }
    const body = await answerOther(request, { id, edge, query: url.searchParams }, options)
    return graphResponse(200, JSON.stringify(body), version, random)
  } catch (error) {
    if (!(error instanceof GraphRefusal)) throw error
    return graphResponse(error.status, refusalBody(error, random), version, random)
  }
}

async function answerSend(
  request: Request,
  id: string,
  version: string,
  options: GraphOptions,
): Promise<Response | 'reset'> {
  const { platform, clock, random } = options
  const bodyText = await request.text()
  const answer: SendAnswer = platform.handleSend(id, request.headers.get('authorization'), bodyText)
  switch (answer.kind) {
    case 'reset':
      return 'reset'
    case 'silence':
      await pause(clock, answer.forMs, request.signal)
      return 'reset'
    case 'answer':
      if (answer.afterMs > 0) await pause(clock, answer.afterMs, request.signal)
      return graphResponse(answer.status, answer.body, version, random)
  }
}

function graphResponse(status: number, body: string, version: string, random: () => number): Response {
  return new Response(body, {
    status,
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'facebook-api-version': version,
      'x-fb-trace-id': traceId(random),
      'x-app-usage': '{"call_count":1,"total_cputime":1,"total_time":1}',
      ...(status === 401 && {
        'www-authenticate': 'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token."',
      }),
    },
  })
}

interface Place {
  id: string
  edge: string
  query: URLSearchParams
}

async function answerOther(request: Request, place: Place, options: GraphOptions): Promise<JsonObject> {
  const { platform } = options
  const { id, edge, query } = place
  if (id === 'debug_token' && edge === '' && request.method === 'GET') return debugToken(query, platform)
  const number = platform.numbers.find((each) => each.phoneNumberId === id)
  if (number) return answerNumber(request, number, { edge, query }, options)
  const accountNumbers = platform.numbers.filter((each) => each.wabaId === id)
  if (accountNumbers.length > 0) return answerAccount(request, id, { edge, query, numbers: accountNumbers }, platform)
  const template = TEMPLATES.find((each) => each.id === id)
  if (template && edge === '' && request.method === 'GET') return showTemplate(template)
  const group = platform.groups.find(id)
  if (group) return answerGroup(request, group, { edge, query }, platform)
  if (edge === '') return answerMediaId(request, id, options)
  throw unknownObject(request.method === 'GET' ? 'get' : 'post')
}

async function answerNumber(
  request: Request,
  number: SimulatedNumber,
  place: { edge: string; query: URLSearchParams },
  options: GraphOptions,
): Promise<JsonObject> {
  if (request.method === 'GET' && place.edge === '') {
    return pick(numberInfo(number, options.platform), place.query.get('fields'))
  }
  if (request.method === 'POST' && place.edge === 'media') return upload(request, options)
  if (place.edge === 'groups') return answerGroups(request, number, place.query, options.platform)
  throw unknownObject(request.method === 'GET' ? 'get' : 'post')
}

function answerAccount(
  request: Request,
  id: string,
  place: { edge: string; query: URLSearchParams; numbers: readonly SimulatedNumber[] },
  platform: Platform,
): JsonObject {
  const { edge, query, numbers } = place
  if (edge === 'subscribed_apps' && request.method !== 'GET') {
    if (request.method === 'DELETE') platform.unsubscribed.add(id)
    else platform.unsubscribed.delete(id)
    return { success: true }
  }
  if (request.method !== 'GET') throw unknownObject('post')
  if (edge === '')
    return { id, name: 'Simulated account', timezone_id: '1', message_template_namespace: `namespace_${id}` }
  if (edge === 'message_templates') return listTemplates(query)
  if (edge === 'phone_numbers') return { data: numbers.map((number) => numberFacts(number)) }
  if (edge === 'subscribed_apps') {
    if (platform.unsubscribed.has(id)) return { data: [] }
    const app = { id: APP_ID, name: 'Simulated app', link: 'https://example.com' }
    return { data: [{ whatsapp_business_api_data: app }] }
  }
  throw unknownObject('get')
}

function debugToken(query: URLSearchParams, platform: Platform): JsonObject {
  const isValid = platform.authorises(`Bearer ${query.get('input_token') ?? ''}`)
  return {
    data: {
      app_id: APP_ID,
      type: 'SYSTEM_USER',
      application: 'Simulated app',
      is_valid: isValid,
      expires_at: 0,
      scopes: isValid ? ['whatsapp_business_management', 'whatsapp_business_messaging'] : [],
    },
  }
}

function numberFacts(number: SimulatedNumber): JsonObject {
  return {
    verified_name: number.alias,
    display_phone_number: number.display,
    quality_rating: 'GREEN',
    platform_type: 'CLOUD_API',
    code_verification_status: 'VERIFIED',
    id: number.phoneNumberId,
  }
}

function numberInfo(number: SimulatedNumber, platform: Platform): JsonObject {
  return {
    ...numberFacts(number),
    status: 'CONNECTED',
    name_status: 'APPROVED',
    account_mode: 'LIVE',
    throughput: { level: platform.settings.messagesPerSecond >= 1000 ? 'HIGH' : 'STANDARD' },
    whatsapp_business_manager_messaging_limit: 'TIER_UNLIMITED',
    is_official_business_account: false,
    health_status: {
      can_send_message: 'AVAILABLE',
      entities: [{ entity_type: 'PHONE_NUMBER', id: number.phoneNumberId, can_send_message: 'AVAILABLE' }],
    },
  }
}

/** Without `fields` the platform shows a few members; with them, those and the id. */
function pick(info: JsonObject, fields: string | null): JsonObject {
  const plain = 'verified_name,display_phone_number,quality_rating,platform_type,code_verification_status'
  const wanted = new Set((fields ?? plain).split(',').map((field) => field.trim()))
  wanted.add('id')
  const unknown = [...wanted].find((field) => !Object.hasOwn(info, field))
  if (unknown !== undefined) throw new GraphRefusal(100, 'Tried accessing a nonexisting field of the phone number.')
  return Object.fromEntries(Object.entries(info).filter(([name]) => wanted.has(name)))
}

function answerMediaId(request: Request, id: string, options: GraphOptions): JsonObject {
  const { platform, clock } = options
  const nowMs = clock.epochMs()
  const file = platform.media.find(id, nowMs)
  if (request.method === 'DELETE' && file) return { success: platform.media.remove(id) }
  if (request.method !== 'GET' || !file) throw unknownObject(request.method === 'DELETE' ? 'delete' : 'get')
  return lookUpMedia(platform, file, new URL(request.url).origin)
}

async function upload(request: Request, { platform, clock }: GraphOptions): Promise<JsonObject> {
  const form = await request.formData().catch(() => null)
  if (!form) throw new GraphRefusal(100, 'The body must be multipart/form-data.')
  if (form.get('messaging_product') !== 'whatsapp') {
    throw new GraphRefusal(100, 'The parameter messaging_product is required.')
  }
  const file = form.get('file')
  if (file === null || typeof file === 'string') throw new GraphRefusal(100, 'The parameter file is required.')
  const type = form.get('type')
  const mimeType = (typeof type === 'string' && type) || file.type || 'application/octet-stream'
  const kept = platform.media.add(new Uint8Array(await file.arrayBuffer()), mimeType, clock.epochMs())
  if (!kept) throw new GraphRefusal(131053, 'The file is too large.')
  return { id: kept.id }
}
