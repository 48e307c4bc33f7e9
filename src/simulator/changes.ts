import { toTime } from '../core/clock.ts'

/** Something that happened, in plain words, for whoever watches the page. */
export interface Happening {
  index: number
  at: string
  tone: 'customer' | 'firm' | 'webhook' | 'trouble'
  text: string
}

/** What a watcher is told. */
export type Change =
  | { kind: 'chat'; phone: string; number: string }
  | { kind: 'happening'; happening: Happening }
  | { kind: 'faults' }
  | { kind: 'groups' }

const HAPPENINGS_MAX = 200

/** Tells watchers what changes, and keeps the last happenings. */
export class Changes {
  #watchers = new Set<(change: Change) => void>()
  #happenings: Happening[] = []
  #nextIndex = 1

  /** Tells every change from now on; the answer ends it. */
  watch(tell: (change: Change) => void): () => void {
    this.#watchers.add(tell)
    return () => this.#watchers.delete(tell)
  }

  tell(change: Change): void {
    for (const watcher of this.#watchers) watcher(change)
  }

  /** Notes a happening; its text holds no message text and no phone. */
  note(tone: Happening['tone'], text: string, nowMs: number): void {
    const happening = { index: this.#nextIndex++, at: toTime(nowMs), tone, text }
    this.#happenings.push(happening)
    if (this.#happenings.length > HAPPENINGS_MAX) this.#happenings.shift()
    this.tell({ kind: 'happening', happening })
  }

  /** The last happenings, oldest first. */
  get happenings(): readonly Happening[] {
    return this.#happenings
  }
}
