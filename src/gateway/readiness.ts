import type { Base } from './base.ts'

/** Whether webhooks are taken, and each check that it depends on. */
export function readinessOf(base: Base) {
  const storing = base.house.isStoring()
  const checks = {
    serving: base.isServing(),
    journal: storing.journal,
    book: storing.book && !base.isFatal(),
    space: !base.space.isFull(),
  }
  return { ready: Object.values(checks).every(Boolean), checks }
}
