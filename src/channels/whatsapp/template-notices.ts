import { HOUR_MS } from '../../core/clock.ts'
import type { Fact, FactSubject } from '../../core/inbound.ts'
import { isSomething, type JsonObject, objectOf, stampMsOf, textOf, wordOf } from './read.ts'
import { fact, type Stated, type Statement } from './statement.ts'

/** The platform's rule: a first pause lasts three hours, a second six; a third disables. */
const PAUSE_MS: ReadonlyMap<string, number> = new Map([
  ['first_pause', 3 * HOUR_MS],
  ['second_pause', 6 * HOUR_MS],
])

/** The platform's longest name; no language is nearly as long. */
const NAME_CHARS_MAX = 512
const LANGUAGE_CHARS_MAX = 64

/** After these somebody should look: such a template is not sent, or soon will not be. */
const WARNS: ReadonlySet<string> = new Set([
  ...['paused', 'disabled', 'rejected', 'flagged', 'limit_exceeded', 'locked', 'pending_deletion', 'deleted'],
])

/** The platform's own sample of a change of quality has the name of this field: only its members tell them apart. */
export function templateStatus(stated: Stated): Statement {
  const { value, atMs } = stated
  if (isSomething(value['previous_quality_score']) || isSomething(value['new_quality_score'])) return quality(stated)
  const subject = templateOf(stated)
  const event = wordOf(value['event'])
  if (!subject || event === undefined) return { event }
  const title = wordOf(objectOf(value['other_info'])?.['title'])
  // A template that is sent again was seen under the event of its pause, with another title.
  const isUnpaused = title === 'unpaused' || title === 'unpause'
  const isPaused = event === 'paused' && !isUnpaused
  const pauseMs = PAUSE_MS.get(title ?? '')
  const untilMs = isPaused && pauseMs !== undefined && atMs !== null ? atMs + pauseMs : null
  const facts = [
    fact(subject, 'status', isUnpaused ? 'approved' : event),
    fact(subject, 'paused', isPaused ? (title ?? 'paused') : null, untilMs),
    ...categoryOf(value['message_template_category'], subject),
    ...reasonOf(value, subject),
  ]
  return { facts, severity: WARNS.has(event) && !isUnpaused ? 'warning' : 'info' }
}

function quality(stated: Stated): Statement {
  const subject = templateOf(stated)
  const score = wordOf(stated.value['new_quality_score'])
  if (!subject || score === undefined) return { event: 'quality' }
  const severity = score === 'red' || score === 'yellow' ? 'warning' : 'info'
  return { event: 'quality', facts: [fact(subject, 'quality', score)], severity }
}

/** Its text was changed: whoever keeps it reads it again. */
export function componentsUpdate(): Statement {
  return { event: 'components' }
}

/**
 * Before a change `new_category` is what it is now and `correct_category` what it will be; afterwards it is the new
 * one. Other categories have other prices.
 */
export function categoryUpdate(stated: Stated): Statement {
  const { value } = stated
  const subject = templateOf(stated)
  if (!subject) return {}
  const correct = wordOf(value['correct_category'])
  const facts = categoryOf(value['new_category'] ?? value['category'], subject)
  const fromMs = stampMsOf(value['category_update_timestamp'])
  facts.push(fact(subject, 'category_announced', correct ?? null))
  if (correct !== undefined && fromMs !== undefined) facts.push(fact(subject, 'category_announced_from', fromMs))
  return { event: correct === undefined ? 'changed' : 'announced', facts, severity: 'warning' }
}

function categoryOf(written: unknown, subject: FactSubject): Fact[] {
  const category = wordOf(written)
  return category === undefined ? [] : [fact(subject, 'category', category)]
}

function reasonOf(value: JsonObject, subject: FactSubject): Fact[] {
  const reason = wordOf(value['reason']) ?? wordOf(objectOf(value['rejection_info'])?.['reason'])
  return [fact(subject, 'reason', reason === 'none' ? null : (reason ?? null))]
}

/** Some notices write `en-US` for what is `en_US` in a send. Undefined where none is named, or none that could be sent. */
function templateOf({ value, entryId }: Stated): FactSubject | undefined {
  const name = textOf(value['message_template_name'])
  const language = textOf(value['message_template_language'])?.replaceAll('-', '_') ?? null
  if (name === undefined || entryId === null) return undefined
  if (name.length > NAME_CHARS_MAX || (language?.length ?? 0) > LANGUAGE_CHARS_MAX) return undefined
  return { kind: 'template', accountId: entryId, id: textOf(value['message_template_id']) ?? null, name, language }
}
