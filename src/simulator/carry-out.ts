import { toTime } from '../core/clock.ts'
import { groupSuccessBody, successBody } from './answers.ts'
import { chatMessageOf } from './chat-view.ts'
import { type ChatMessage, type Customer, personOf } from './customers.ts'
import type { Fault } from './faults.ts'
import { GraphRefusal } from './graph-error.ts'
import type { Group } from './groups.ts'
import { tellHandover } from './handovers.ts'
import type { SendRequest } from './message-rules.ts'
import type { Platform, SendAnswer } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { planStatuses } from './status-plan.ts'
import type { StatusUpdate } from './webhook-body.ts'

const ANSWER_FAULTS = [
  'accept_then_500',
  'accept_then_silence',
  'reset_after_accept',
  'slow',
  'status_before_answer',
] as const

/** What each fault of the answer is called in the list of sends. */
const OUTCOMES: Record<(typeof ANSWER_FAULTS)[number], string> = {
  accept_then_500: 'server_error',
  accept_then_silence: 'silence',
  reset_after_accept: 'reset',
  slow: 'late',
  status_before_answer: 'late',
}

type Echo = { correlation: string | null; category: string }

/** Carries a send out that was admitted: it is shown to whom it is for, its statuses are owed, and it is answered. */
export function carryOut(
  platform: Platform,
  number: SimulatedNumber,
  to: Customer | Group,
  request: SendRequest,
): SendAnswer {
  const wamid = platform.makeId('members' in to ? number.display.replaceAll(/\D/g, '') : to.phone)
  const fault = platform.faults.strike(ANSWER_FAULTS, number.phoneNumberId)
  const outcome = fault ? OUTCOMES[fault.kind as keyof typeof OUTCOMES] : null
  const { isHeld, ...fate } = fateOf(platform, number, to, request)
  log(platform, number, { request, wamid, outcome: outcome ?? (isHeld ? 'held' : 'answered'), to })
  const category = request.template?.template.category.toLowerCase() ?? 'service'
  const echo = { correlation: request.correlation, category: 'members' in to ? `group_${category}` : category }
  if (fate.errorCode === null) show(platform, number, { to, request, wamid, echo })
  const steps = planStatuses(platform.settings, {
    ...fate,
    onlySent: request.type === 'reaction',
    reads: 'members' in to || to.reads === 'auto',
    atOnce: fault?.kind === 'status_before_answer',
  })
  oweStatuses(platform, steps, {
    ...statusOf(platform, number, to, { id: wamid, echo }),
    errorCode: fate.errorCode,
  })
  if (fault) platform.changes.tell({ kind: 'faults' })
  const what = outcome === null ? '' : `, but ${outcome.replace('_', ' ')}`
  const words = `Message (${request.type}) on ${number.alias} carried out${what}`
  platform.changes.note('firm', words, platform.clock.epochMs())
  const answer = { wamid, isHeld }
  return answerAccepted(
    platform,
    fault,
    'members' in to ? groupSuccessBody(to.id, answer) : successBody(to, request, answer),
  )
}

/** Whether it fails by a status, and for how long it is held. */
function fateOf(
  platform: Platform,
  number: SimulatedNumber,
  to: Customer | Group,
  request: SendRequest,
): { errorCode: number | null; heldMs: number; isHeld: boolean } {
  const id = number.phoneNumberId
  const held = request.template ? platform.faults.strike(['held_for_quality'], id) : undefined
  const failing = platform.faults.strike(['fail_later'], id)
  if (held ?? failing) platform.changes.tell({ kind: 'faults' })
  // The platform's rule: the window is a matter between two; a group has none.
  const isAllowed = 'members' in to || platform.isAllowed(platform.customers.chat(to, id), request)
  const code = failing ? (failing.code ?? 131026) : null
  return {
    errorCode: isAllowed ? code : 131047,
    heldMs: held ? (held.ms ?? 10_000) : 0,
    isHeld: held !== undefined,
  }
}

function answerAccepted(platform: Platform, fault: Fault | undefined, body: string): SendAnswer {
  switch (fault?.kind) {
    case 'accept_then_500':
      return platform.refuse(new GraphRefusal(131000))
    case 'accept_then_silence':
      return { kind: 'silence', forMs: fault.ms ?? 60_000 }
    case 'reset_after_accept':
      return { kind: 'reset' }
    case 'slow':
      return { kind: 'answer', status: 200, body, afterMs: fault.ms ?? 3000 }
    case 'status_before_answer':
      return { kind: 'answer', status: 200, body, afterMs: fault.ms ?? 500 }
    default:
      return { kind: 'answer', status: 200, body, afterMs: 0 }
  }
}

function log(
  platform: Platform,
  number: SimulatedNumber,
  what: { request: SendRequest; wamid: string; outcome: string; to: Customer | Group },
): void {
  const { request, wamid, outcome, to } = what
  const body = request.object['body']
  platform.sends.add({
    at: toTime(platform.clock.epochMs()),
    number: number.phoneNumberId,
    to: 'userId' in request.to ? request.to.userId : 'members' in to ? to.id : to.phone,
    type: request.type,
    ...(request.type === 'text' && typeof body === 'string' && { text: body }),
    wamid,
    correlation: request.correlation,
    ...(request.template && { template: request.template.template.name }),
    outcome,
  })
}

function show(
  platform: Platform,
  number: SimulatedNumber,
  what: { to: Customer | Group; request: SendRequest; wamid: string; echo: Echo },
): void {
  const { to, request, wamid, echo } = what
  const chat = 'members' in to ? null : platform.customers.chat(to, number.phoneNumberId)
  const messages = 'members' in to ? to.messages : (chat?.messages ?? [])
  const shown = chatMessageOf(messages, {
    id: wamid,
    direction: 'received',
    type: request.type,
    message: { [request.type]: request.object },
    template: request.template,
    contextId: request.contextId,
    atMs: platform.clock.epochMs(),
    state: 'delivered',
    echo,
    by: 'firm',
    ...('members' in to && { author: null }),
  })
  if (shown) addTo(platform, number, to, shown)
  if ('members' in to) return platform.changes.tell({ kind: 'groups' })
  if (chat) chat.typingUntilMs = 0
  // The platform's rule: a service message takes the thread over.
  if (chat?.isStandby && !request.template) tellHandover(platform, number, to.phone, { isOurs: true })
  platform.changes.tell({ kind: 'chat', phone: to.phone, number: number.phoneNumberId })
}

function addTo(platform: Platform, number: SimulatedNumber, to: Customer | Group, message: ChatMessage): void {
  if ('members' in to) to.add(message)
  else platform.customers.addMessage(to, platform.customers.chat(to, number.phoneNumberId), message)
}

function statusOf(
  platform: Platform,
  number: SimulatedNumber,
  to: Customer | Group,
  { id, echo }: { id: string; echo: Echo },
): Omit<StatusUpdate, 'status' | 'atMs'> {
  const base = { kind: 'status' as const, number, id, ...echo, errorCode: null }
  if (!('members' in to)) return { ...base, person: personOf(to) }
  const members = platform.groups.people(to)
  const [person] = members
  if (!person) throw new Error('Assertion failed: a group without members was sent to')
  return { ...base, person, group: { id: to.id, members, participantName: platform.settings.groupParticipantName } }
}

/** Owes the statuses of a send, as the faults that are on let them come. */
export function oweStatuses(
  platform: Platform,
  steps: readonly { status: StatusUpdate['status']; afterMs: number }[],
  update: Omit<StatusUpdate, 'status' | 'atMs'>,
): void {
  const { faults, clock } = platform
  const number = update.number.phoneNumberId
  const late = faults.strike(['statuses_late'], number)
  const missing = faults.strike(['statuses_missing'], number)
  const doubled = faults.strike(['statuses_doubled'], number)
  const reordered = faults.strike(['statuses_reordered'], number)
  if (late ?? missing ?? doubled ?? reordered) platform.changes.tell({ kind: 'faults' })
  const times = steps.map((step) => step.afterMs)
  if (reordered) times.reverse()
  const nowMs = clock.epochMs()
  for (const [index, { status, afterMs }] of steps.entries()) {
    if (missing && (missing.statuses === null || missing.statuses.includes(status))) continue
    const waitMs = (times[index] ?? afterMs) + (late ? (late.ms ?? 5000) : 0)
    const each: StatusUpdate = { ...update, status, atMs: nowMs + afterMs }
    platform.owe([each], waitMs)
    if (doubled) platform.owe([each], waitMs + 30)
  }
}
