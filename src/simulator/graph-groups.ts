import { unknownObject } from './answers.ts'
import { idsOf } from './customers.ts'
import { GraphRefusal } from './graph-error.ts'
import type { Group, JoinApproval } from './groups.ts'
import { isObject, type JsonObject, parseJson, textMember } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'

/** The platform's addresses of groups. What changes something is answered at once and told by a webhook. */

const SUBJECT_MAX = 128
const DESCRIPTION_MAX = 2048
const FRAME = { messaging_product: 'whatsapp' }

/** `GET` and `POST /{number}/groups`. */
export async function answerGroups(
  request: Request,
  number: SimulatedNumber,
  query: URLSearchParams,
  platform: Platform,
): Promise<JsonObject> {
  if (request.method === 'GET') return listGroups(platform, number, query)
  if (request.method !== 'POST') throw unknownObject('delete')
  const body = await readBody(request)
  const subject = textMember(body, 'subject') ?? ''
  if (subject === '') throw new GraphRefusal(131008, 'Parameter subject is required.')
  if (subject.length > SUBJECT_MAX) throw new GraphRefusal(131009, `subject is at most ${SUBJECT_MAX} characters long.`)
  const description = textMember(body, 'description') ?? null
  if ((description?.length ?? 0) > DESCRIPTION_MAX) {
    throw new GraphRefusal(131009, `description is at most ${DESCRIPTION_MAX} characters long.`)
  }
  const approval = readApproval(body['join_approval_mode'])
  const { requestId } = platform.groups.create(number, { subject, description, approval })
  return { ...FRAME, request_id: requestId }
}

function readApproval(value: unknown): JoinApproval {
  if (value === undefined || value === 'auto_approve') return 'auto_approve'
  if (value === 'approval_required') return value
  throw new GraphRefusal(131009, 'join_approval_mode must be auto_approve or approval_required.')
}

function listGroups(platform: Platform, number: SimulatedNumber, query: URLSearchParams): JsonObject {
  const limit = Number(query.get('limit') ?? 25)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1024) throw new GraphRefusal(100, 'limit must be 1 to 1024.')
  const all = platform.groups.list(number)
  const after = query.get('after')
  const from = after === null ? 0 : all.findIndex((group) => group.id === after) + 1
  if (after !== null && from === 0) throw new GraphRefusal(131059)
  const page = all.slice(from, from + limit)
  const last = page.at(-1)
  const groups = page.map(({ id, subject, createdAtMs }) => ({ id, subject, created_at: seconds(createdAtMs) }))
  return { data: { groups }, paging: { cursors: last ? { before: page[0]?.id, after: last.id } : {} } }
}

/** Everything under `/{group}`. */
export async function answerGroup(
  request: Request,
  group: Group,
  { edge, query }: { edge: string; query: URLSearchParams },
  platform: Platform,
): Promise<JsonObject> {
  const body = request.method === 'GET' ? {} : await readBody(request)
  const { groups } = platform
  switch (`${request.method} ${edge}`) {
    case 'GET ':
      return showFields(group, query.get('fields'), platform)
    case 'POST ':
      return { ...FRAME, request_id: changeSettings(platform, group, body) }
    case 'DELETE ':
      return { ...FRAME, request_id: groups.delete(group) }
    case 'GET invite_link':
      return { ...FRAME, invite_link: group.inviteLink }
    case 'POST invite_link':
      return { ...FRAME, invite_link: groups.resetLink(group) }
    case 'GET join_requests':
      return { data: joinRequests(platform, group), paging: { cursors: {} } }
    case 'POST join_requests':
      return decide(platform, group, body, true)
    case 'DELETE join_requests':
      return decide(platform, group, body, false)
    case 'DELETE participants':
      return { ...FRAME, request_id: groups.putOut(group, textsOf(body, 'participants', 'user')) }
    default:
      throw unknownObject(request.method === 'GET' ? 'get' : 'post')
  }
}

function showFields(group: Group, fields: string | null, platform: Platform): JsonObject {
  const people = platform.groups.people(group)
  const all: JsonObject = {
    id: group.id,
    subject: group.subject,
    description: group.description ?? '',
    suspended: group.isSuspended,
    creation_timestamp: seconds(group.createdAtMs),
    participants: people.map((person) => idsOf(person)),
    total_participant_count: people.length,
    join_approval_mode: group.approval,
  }
  const wanted = (fields ?? 'id').split(',').map((field) => field.trim())
  if (wanted.some((field) => !Object.hasOwn(all, field))) {
    throw new GraphRefusal(100, 'Tried accessing a nonexisting field of the group.')
  }
  return { ...FRAME, id: group.id, ...Object.fromEntries(wanted.map((field) => [field, all[field]])) }
}

function changeSettings(platform: Platform, group: Group, body: JsonObject): string {
  const subject = textMember(body, 'subject')
  const description = textMember(body, 'description')
  if (subject === undefined && description === undefined) {
    throw new GraphRefusal(131008, 'Either subject or description is required.')
  }
  if (subject === '' || (subject?.length ?? 0) > SUBJECT_MAX) {
    throw new GraphRefusal(131009, `subject is 1 to ${SUBJECT_MAX} characters long.`)
  }
  return platform.groups.change(group, {
    ...(subject !== undefined && { subject }),
    ...(description !== undefined && { description }),
  })
}

function joinRequests(platform: Platform, group: Group): JsonObject[] {
  return [...group.requests].map(([id, phone]) => {
    const customer = platform.customers.find(phone)
    return { join_request_id: id, ...(customer && idsOf(customer)) }
  })
}

function decide(platform: Platform, group: Group, body: JsonObject, isLetIn: boolean): JsonObject {
  const { done, failed } = platform.groups.decide(group, textsOf(body, 'join_requests'), isLetIn)
  const { message, details } = new GraphRefusal(131212)
  const errors = [{ code: 131212, title: message, message, error_data: { details } }]
  return {
    ...FRAME,
    [isLetIn ? 'approved_join_requests' : 'rejected_join_requests']: done,
    ...(failed.length > 0 && {
      failed_join_requests: failed.map((id) => ({ join_request_id: id, errors })),
    }),
  }
}

/** The texts of a list member, or the texts under a name of its objects. */
function textsOf(body: JsonObject, member: string, name?: string): string[] {
  const list = body[member]
  const texts = (Array.isArray(list) ? list : []).map((each) => (isObject(each) && name ? each[name] : each))
  const known = texts.filter((text) => typeof text === 'string')
  if (known.length > 0 && known.length === texts.length) return known
  throw new GraphRefusal(131008, `Parameter ${member} is required.`)
}

async function readBody(request: Request): Promise<JsonObject> {
  const text = await request.text()
  const body = text.trim() === '' ? {} : parseJson(text)
  if (isObject(body)) return body
  throw new GraphRefusal(100, 'The request body is not a JSON object.')
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000))
}
