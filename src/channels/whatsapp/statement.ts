import type { Fact, FactSubject, NoticeItem } from '../../core/inbound.ts'
import { type JsonObject, phoneOf, textOf } from './read.ts'

const TEXT_CHARS_MAX = 200
/** What may stand in a fact's name after its point. */
const NOT_IN_NAME = /[^a-z0-9_]+/g

/** What a reader of notices gets: the value, and what stands around it. */
export interface Stated {
  value: JsonObject
  /** `id` of the entry: the business account, except where a partner is told. */
  entryId: string | null
  atMs: number | null
}

/** What a value says. Everything that is left out is nothing. */
export interface Statement {
  event?: string | undefined
  facts?: Fact[]
  severity?: NoticeItem['severity']
  /** Where the value names the business account itself. */
  accountId?: string | undefined
}

/** `untilMs`: when it ends by itself, milliseconds since 1970. A long text is cut. */
export function fact(subject: FactSubject, name: string, value: Fact['value'], untilMs: number | null = null): Fact {
  const kept = typeof value === 'string' ? value.slice(0, TEXT_CHARS_MAX).toWellFormed() : value
  return { subject, name, value: kept, untilMs }
}

/** The name of a fact of which there may be several at a time, such as restrictions. */
export function nameOf(kind: string, ...words: readonly (string | undefined)[]): string {
  const parts = words.map((word) => word?.replace(NOT_IN_NAME, '_') ?? '')
  return [kind, ...parts].filter((part) => part !== '').join('.')
}

/** A number that is named by its phone number alone. Samples of the platform's own have no digits there. */
export function numberNamed(written: unknown): FactSubject | undefined {
  const display = phoneOf(written) ?? textOf(written)?.slice(0, TEXT_CHARS_MAX).toWellFormed()
  return display === undefined ? undefined : { kind: 'number', display }
}

export function accountNamed(id: string | null): FactSubject | undefined {
  return id === null ? undefined : { kind: 'account', id }
}
