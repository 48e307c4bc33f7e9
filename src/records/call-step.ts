/** What the body of a step of a call holds beside the platform's own object, under `gatehouse`. */
export interface CallStep {
  /** The platform's word in lower case, such as `connect`. */
  step: string
  /** By the platform's stamp. */
  at: number
  /** Set when the call has ended. */
  outcome: string | null
  durationS: number | null
}

/** The one that says more of where the call stands: its end, whenever that was told, else the later. */
export function laterStep(one: CallStep | undefined, other: CallStep | undefined): CallStep | undefined {
  if (!one || !other) return one ?? other
  if (isEnd(one) !== isEnd(other)) return isEnd(one) ? one : other
  return other.at >= one.at ? other : one
}

/** Of a call that was rejected the platform says no more than that. */
export function isEnd({ step, outcome }: Pick<CallStep, 'step' | 'outcome'>): boolean {
  return outcome !== null || step === 'terminate' || step === 'rejected'
}
