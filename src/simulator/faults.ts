import { Failure } from '../core/failure.ts'
import { isKnownCode, knownCodes } from './graph-error.ts'

/** A member of a fault that only some kinds take. */
type FaultMember = 'ms' | 'code' | 'status' | 'size' | 'statuses'

interface KindForm {
  /** What it does, in plain words. */
  plain: string
  takes: readonly FaultMember[]
  needs?: FaultMember
}

/** Every trouble the simulator can make. */
export const FAULT_KINDS = {
  reset: { plain: 'The connection is reset before the send is carried out', takes: [] },
  refuse: { plain: 'The send is refused for good (131026) and not carried out', takes: [] },
  throttle_429: { plain: 'The send is throttled (130429, HTTP 429) and not carried out', takes: [] },
  error_code: {
    plain: 'The send is answered with an error code and not carried out',
    takes: ['code', 'status'],
    needs: 'code',
  },
  accept_then_500: { plain: 'The send is carried out and answered with 500', takes: [] },
  accept_then_silence: { plain: 'The send is carried out and never answered', takes: ['ms'] },
  reset_after_accept: { plain: 'The send is carried out, then the connection is reset', takes: [] },
  slow: { plain: 'The answer to a send comes late', takes: ['ms'] },
  status_before_answer: { plain: 'Statuses arrive before the answer to the send', takes: ['ms'] },
  held_for_quality: { plain: 'A template is held for quality assessment; its statuses come late', takes: ['ms'] },
  fail_later: { plain: 'The send is accepted, then fails by a status', takes: ['code'] },
  statuses_late: { plain: 'Statuses come late', takes: ['ms'] },
  statuses_doubled: { plain: 'Every status comes twice', takes: [] },
  statuses_reordered: { plain: 'Statuses come in the reverse order', takes: [] },
  statuses_missing: { plain: 'Statuses never come', takes: ['statuses'] },
  webhook_batch: { plain: 'Webhooks wait and come in large batches', takes: ['size', 'ms'] },
  webhook_late: { plain: 'Webhooks come late', takes: ['ms'] },
  webhook_doubled: { plain: "A customer's message comes twice", takes: [] },
  webhook_bad_signature: { plain: 'A webhook is signed wrongly at its first try', takes: [] },
  media_missing: { plain: 'A media file is gone when it is fetched', takes: [] },
  media_wrong_hash: { plain: 'A media file comes with other bytes than its hash says', takes: [] },
  media_slow: { plain: 'A media file comes half at once, the rest late', takes: ['ms'] },
  media_huge: { plain: 'A media file is said to be, and is, of so many megabytes', takes: ['size'] },
  media_error: { plain: 'A media lookup or fetch is answered with an error of the server', takes: ['status'] },
} as const satisfies Record<string, KindForm>

export type FaultKind = keyof typeof FAULT_KINDS

/** A trouble that was asked for. Without a number it is for all numbers, without a count until it is taken away. */
export interface Fault {
  id: string
  kind: FaultKind
  /** Id of the number it is for. */
  number: string | null
  /** How often it may still strike; null: without end. */
  count: number | null
  /** Chance to strike each time, above 0 up to 1. */
  probability: number
  ms: number | null
  code: number | null
  status: number | null
  size: number | null
  statuses: string[] | null
  /** How often it has struck. */
  used: number
}

const FAULTS_MAX = 100
const STATUS_WORDS = ['sent', 'delivered', 'read', 'failed']
const COMMON = ['kind', 'number', 'count', 'probability']

/** The troubles that are switched on. */
export class Faults {
  #faults: Fault[] = []
  #nextId = 1
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** Switches a fault on. `numberId` turns an id or alias into an id, or refuses. */
  add(input: unknown, numberId: (text: string) => string): Fault {
    if (this.#faults.length >= FAULTS_MAX) {
      throw new Failure('conflict', `There are already ${FAULTS_MAX} faults: take one away first`)
    }
    const fault = readFault(input, numberId, `f${this.#nextId}`)
    this.#nextId += 1
    this.#faults.push(fault)
    return fault
  }

  list(): readonly Fault[] {
    return this.#faults
  }

  /** Takes a fault away; false if there is none of that id. */
  remove(id: string): boolean {
    const before = this.#faults.length
    this.#faults = this.#faults.filter((fault) => fault.id !== id)
    return this.#faults.length < before
  }

  clear(): void {
    this.#faults = []
  }

  /** The first fault of this kind that strikes whatever the number is, left as it is. */
  peek(kind: FaultKind): Fault | undefined {
    return this.#faults.find((fault) => fault.kind === kind && fits(fault, null))
  }

  /** The first fault of these kinds that strikes this number now; used-up ones go. */
  strike(kinds: readonly FaultKind[], number: string | null): Fault | undefined {
    if (this.#faults.length === 0) return undefined
    for (const fault of this.#faults) {
      if (!kinds.includes(fault.kind) || !fits(fault, number)) continue
      if (fault.probability < 1 && this.#random() >= fault.probability) continue
      fault.used += 1
      if (fault.count !== null) {
        fault.count -= 1
        if (fault.count <= 0) this.remove(fault.id)
      }
      return fault
    }
    return undefined
  }
}

function fits(fault: Fault, number: string | null): boolean {
  return fault.number === null || fault.number === number
}

function readFault(input: unknown, numberId: (text: string) => string, id: string): Fault {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new Failure('invalid', 'The body must be a JSON object with a kind')
  }
  const body = new Map<string, unknown>(Object.entries(input))
  const kind = readKind(body.get('kind'))
  const form: KindForm = FAULT_KINDS[kind]
  for (const name of body.keys()) {
    if (COMMON.includes(name) || form.takes.some((member) => member === name)) continue
    const members = [...COMMON, ...form.takes].join(', ')
    throw new Failure('invalid', `The fault ${kind} has no such member; it has: ${members}`, { path: name })
  }
  if (form.needs && !body.has(form.needs)) {
    throw new Failure('invalid', `The fault ${kind} needs ${form.needs}`, { path: form.needs })
  }
  const number = body.get('number')
  if (number !== undefined && typeof number !== 'string') {
    throw new Failure('invalid', "Must be a number's id or alias", { path: 'number' })
  }
  if (number !== undefined && kind === 'webhook_batch') {
    throw new Failure('invalid', 'The fault webhook_batch is for all numbers', { path: 'number' })
  }
  return {
    id,
    kind,
    number: number === undefined ? null : numberId(number),
    count: wholeNumber(body, 'count', 1, 1_000_000),
    probability: readProbability(body.get('probability')),
    ms: wholeNumber(body, 'ms', 0, 120_000),
    code: readCode(body.get('code')),
    status: wholeNumber(body, 'status', 400, 599),
    size: wholeNumber(body, 'size', 1, 1000),
    statuses: readStatuses(body.get('statuses')),
    used: 0,
  }
}

function readKind(kind: unknown): FaultKind {
  if (typeof kind === 'string' && Object.hasOwn(FAULT_KINDS, kind)) return kind as FaultKind
  const kinds = Object.keys(FAULT_KINDS)
  throw new Failure('invalid', `Must be one of: ${kinds.join(', ')}`, { path: 'kind', kinds })
}

function wholeNumber(body: Map<string, unknown>, path: string, least: number, most: number): number | null {
  const value = body.get(path)
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new Failure('invalid', `Must be a whole number from ${least} to ${most}`, { path })
}

function readProbability(value: unknown): number {
  if (value === undefined) return 1
  if (typeof value === 'number' && value > 0 && value <= 1) return value
  throw new Failure('invalid', 'Must be a number above 0, up to 1', { path: 'probability' })
}

function readCode(value: unknown): number | null {
  if (value === undefined) return null
  if (typeof value === 'number' && isKnownCode(value)) return value
  throw new Failure('invalid', `Must be one of: ${knownCodes().join(', ')}`, { path: 'code' })
}

function readStatuses(value: unknown): string[] | null {
  if (value === undefined) return null
  const isList = Array.isArray(value) && value.length > 0
  if (isList && value.every((word) => STATUS_WORDS.includes(word))) return value
  throw new Failure('invalid', `Must be a list of: ${STATUS_WORDS.join(', ')}`, { path: 'statuses' })
}
