import { expect } from 'bun:test'
import type { Fact, FactSubject, NoticeItem } from '../../core/inbound.ts'
import { body, one, parse, RECEIVED_MS, STAMP_MS, WABA } from './webhook.test-support.ts'

/** A value of a field, and the notice that it is: all its facts are about one subject. */
export type NoticeCase = [
  field: string,
  value: Record<string, unknown>,
  event: string | null,
  severity: NoticeItem['severity'],
  subject: FactSubject | null,
  facts: (string | number | null)[][],
]

export const noticeIn = (field: string, value: Record<string, unknown>) =>
  one(parse(body(value, field, { time: STAMP_MS / 1000 }), RECEIVED_MS), 'notice')

/** Facts in short: name, value and, where there is one, the end. */
export const short = (facts: readonly Fact[]) =>
  facts.map(({ name, value, untilMs }) => (untilMs === null ? [name, value] : [name, value, untilMs]))

export function checkNotice(...[field, value, event, severity, subject, facts]: NoticeCase): void {
  const item = noticeIn(field, value)
  expect([item.field, item.event, item.severity]).toEqual([field, event, severity])
  expect([item.accountId, item.atMs]).toEqual([WABA, STAMP_MS])
  expect(short(item.facts)).toEqual(facts)
  for (const fact of item.facts) expect(fact.subject).toEqual(subject as FactSubject)
  expect(item.raw).toEqual({ id: WABA, time: STAMP_MS / 1000, changes: [{ field, value }] })
}
