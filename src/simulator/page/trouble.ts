import { ask, type FaultView } from './api.ts'
import { byId, make } from './dom.ts'

/** The troubles the panel offers, in its own plain words. */
const GROUPS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'When the firm sends',
    [
      ['accept_then_500', 'Goes out, but is answered with an error'],
      ['accept_then_silence', 'Goes out, but is never answered'],
      ['reset_after_accept', 'Goes out, then the line drops'],
      ['reset', 'The line drops before it goes out'],
      ['throttle_429', 'Too fast: try again later'],
      ['refuse', 'Refused for good'],
      ['error_code', 'Answered with this error:'],
      ['fail_later', 'Accepted, fails a moment later'],
      ['slow', 'The answer takes three seconds'],
    ],
  ],
  [
    'What the firm hears about it',
    [
      ['statuses_late', 'Statuses five seconds late'],
      ['statuses_doubled', 'Statuses come twice'],
      ['statuses_reordered', 'Statuses come in the wrong order'],
      ['statuses_missing', 'Statuses never come'],
      ['status_before_answer', 'Statuses come before the answer'],
    ],
  ],
  [
    'When a customer writes',
    [
      ['webhook_doubled', 'Messages come twice'],
      ['webhook_late', 'Webhooks five seconds late'],
      ['webhook_batch', 'Webhooks wait and come in batches'],
      ['webhook_bad_signature', 'Wrong signature at first'],
      ['media_missing', 'Files are gone when they are fetched'],
      ['media_wrong_hash', 'Files come with wrong bytes'],
      ['media_slow', 'Files come slowly'],
      ['media_huge', 'Files are far too large'],
      ['media_error', 'Files cannot be fetched for now'],
    ],
  ],
]

const CODES: readonly (readonly [number, string])[] = [
  [131000, '131000 unknown'],
  [131016, '131016 unavailable'],
  [131047, '131047 window closed'],
  [131048, '131048 spam limit'],
  [131056, '131056 pair limit'],
  [190, '190 token expired'],
  [368, '368 policy block'],
  [133010, '133010 not registered'],
]

/** Switches of the troubles, kept like the simulator has them. */
export class TroublePanel {
  #switches = new Map<string, { input: HTMLInputElement; count: HTMLElement }>()
  #faults: FaultView[] = []
  readonly #numberNow: () => string
  readonly #fail: (error: unknown) => void

  constructor(numberNow: () => string, fail: (error: unknown) => void) {
    this.#numberNow = numberNow
    this.#fail = fail
    const place = byId('faults', HTMLElement)
    for (const [title, kinds] of GROUPS) {
      place.append(make('h3', '', title))
      for (const [kind, plain] of kinds) place.append(this.#row(kind, plain))
    }
    byId('calm', HTMLButtonElement).addEventListener('click', () => this.#run(() => ask('DELETE', '/_/faults')))
  }

  /** Looks what is on now. */
  async refresh(): Promise<void> {
    const { items } = await ask<{ items: FaultView[] }>('GET', '/_/faults')
    this.#faults = items
    for (const [kind, { input, count }] of this.#switches) {
      const active = items.filter((fault) => fault.kind === kind)
      const used = active.reduce((sum, fault) => sum + fault.used, 0)
      input.checked = active.length > 0
      count.textContent = used > 0 ? `${used}×` : ''
    }
  }

  #row(kind: string, plain: string): HTMLElement {
    const input = make('input', 'switch')
    input.type = 'checkbox'
    input.setAttribute('role', 'switch')
    input.id = `fault-${kind}`
    const label = make('label', '', plain)
    label.htmlFor = input.id
    const count = make('span', 'count')
    const row = make('div', 'fault', label, count, input)
    if (kind === 'error_code') label.append(' ', this.#codes())
    input.addEventListener('change', () => this.#run(() => (input.checked ? this.#add(kind) : this.#remove(kind))))
    this.#switches.set(kind, { input, count })
    return row
  }

  #codes(): HTMLElement {
    const select = make('select', '')
    select.id = 'fault-code'
    select.setAttribute('aria-label', 'Error')
    for (const [code, text] of CODES) select.append(new Option(text, String(code)))
    return select
  }

  async #add(kind: string): Promise<void> {
    const often = byId('often', HTMLSelectElement).value
    const isHere = byId('where', HTMLSelectElement).value === 'this' && kind !== 'webhook_batch'
    await ask('POST', '/_/faults', {
      kind,
      ...(isHere && { number: this.#numberNow() }),
      ...(often === 'once' && { count: 1 }),
      ...(often === 'half' && { probability: 0.5 }),
      ...(kind === 'error_code' && { code: Number(byId('fault-code', HTMLSelectElement).value) }),
    })
  }

  async #remove(kind: string): Promise<void> {
    for (const fault of this.#faults)
      if (fault.kind === kind) await ask('DELETE', `/_/faults/${fault.id}`).catch(() => {})
  }

  #run(work: () => Promise<unknown>): void {
    work()
      .catch(this.#fail)
      .then(() => this.refresh())
      .catch(this.#fail)
  }
}
