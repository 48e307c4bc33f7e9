import { expect } from 'bun:test'
import { must } from '../../core/assert.ts'
import { canonicalJson } from '../../core/canonical-json.ts'
import { toTime } from '../../core/clock.ts'
import type { Json, Seen } from './seen.ts'

/** Looks at what one body has left; throws where it is not what it must be. */
export type Check = (seen: Seen, body: Json) => void

/** A change of a body with the entry around it; two of the platform's own samples have `field` elsewhere. */
export function changesOf(body: Json): { entry: Json; field: string; value: Json }[] {
  return body.entry.flatMap((entry: Json) =>
    entry.changes.map((change: Json) => ({
      entry,
      field: change.field ?? entry.field ?? change.value.field,
      value: change.value,
    })),
  )
}

export function firstChange(body: Json): { entry: Json; value: Json } {
  return must(changesOf(body)[0], 'the change of the body')
}

export const listed = (body: Json, member: string): Json[] =>
  changesOf(body).flatMap(({ value }) => value[member] ?? [])
export const all =
  (...checks: Check[]): Check =>
  (seen, body) => {
    for (const check of checks) check(seen, body)
  }

export function messageNamed(seen: Seen, upstreamId: string): Json {
  return must(seen.messages.get(upstreamId), `the message ${upstreamId}`)
}

type Wanted = Json | ((raw: Json) => Json)
const wantedOf = (wanted: Wanted, raw: Json): Json => (typeof wanted === 'function' ? wanted(raw) : wanted)

function stampOf(raw: Json): Json {
  return /^\d+$/.test(raw.timestamp) ? { at: toTime(Number(raw.timestamp) * 1000) } : {}
}

/** Each message of the body is in the thread of whoever wrote it, whole, and says what it should in our words. */
export const message =
  (content: Wanted, more: Wanted = {}): Check =>
  (seen, body) => {
    const messages = listed(body, 'messages')
    expect(messages.length).toBeGreaterThan(0)
    for (const raw of messages) {
      const view = messageNamed(seen, raw.id)
      expect(view).toMatchObject({ direction: 'in', type: raw.type, state: 'received', ...stampOf(raw) })
      expect(view.content).toMatchObject(wantedOf(content, raw))
      expect(view).toMatchObject(wantedOf(more, raw))
      if (raw[raw.type] !== undefined) expect(view[raw.type]).toEqual(raw[raw.type])
      if (/^\d{7,}$/.test(raw.from)) expect(view.from).toBe(`+${raw.from}`)
    }
  }

/** A file that came with a message: kept with what the sender says of it. */
export const file =
  (kind: string, more: Json = {}): Check =>
  (seen, body) => {
    message({ kind: 'attachment' })(seen, body)
    for (const raw of listed(body, 'messages')) {
      const { attachments, content } = messageNamed(seen, raw.id)
      expect(attachments).toHaveLength(1)
      expect(attachments[0]).toMatchObject({ kind, mime_type: raw[raw.type].mime_type, ...more })
      expect(content.text).toBe(raw[raw.type].caption)
    }
  }

/** A message of the firm's own phone. */
export const echo: Check = (seen, body) => {
  for (const raw of listed(body, 'message_echoes')) {
    expect(messageNamed(seen, raw.id)).toMatchObject({
      direction: 'out',
      source: 'phone',
      type: raw.type,
      [raw.type]: raw[raw.type],
      content: { kind: 'text', text: raw.text.body },
      ...stampOf(raw),
    })
  }
}

/** The message that we sent is where the status says, and the status is kept whole beside it. */
export const status =
  (wanted: Json): Check =>
  (seen, body) => {
    const statuses = listed(body, 'statuses')
    expect(statuses.length).toBeGreaterThan(0)
    for (const raw of statuses) {
      const view = messageNamed(seen, raw.id)
      expect(view).toMatchObject({ direction: 'out', ...wanted })
      expect(view.statuses).toContainEqual(expect.objectContaining({ status: raw.status, object: raw }))
    }
  }

export const failed: Check = (seen, body) => {
  const [raw] = listed(body, 'statuses')
  status({ state: 'failed', reason: `${raw.errors[0].code} ${raw.errors[0].title}` })(seen, body)
}

/** The body, or the part of it that is a notice, is listed whole, with what it says in our words. */
export const notice =
  (wanted: Json, facts: Json[] = []): Check =>
  (seen, body) => {
    for (const { entry, field } of changesOf(body)) {
      const whole = canonicalJson(entry)
      const found = seen.notices.filter(({ object }) => canonicalJson(object) === whole)
      expect(found).toHaveLength(1)
      expect(found[0]).toMatchObject({ field, ...wanted })
      if (entry.time !== undefined) expect(found[0].at).toBe(toTime(Number(entry.time) * 1000))
      expect(found[0].facts.map(({ about, name, value }: Json) => ({ about, name, value }))).toEqual(
        expect.arrayContaining(facts),
      )
    }
  }

export const errorsNotice: Check = (seen, body) => {
  for (const { field, value } of changesOf(body)) {
    const wanted = canonicalJson(value.errors)
    const found = seen.notices.filter(({ object }) => canonicalJson(object.changes?.[0]?.value?.errors) === wanted)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ field: `${field}.errors`, severity: 'warning' })
    expect(found[0].facts).toContainEqual(expect.objectContaining({ name: 'error', value: value.errors[0].code }))
  }
}

export const fact = (about: string, name: string, value: Json): Json => ({ about, name, value })

export const numberFact =
  (group: string, name: string, value: Json): Check =>
  (seen, body) => {
    const { entry } = firstChange(body)
    const number = seen.numbers.find(({ number: id }) => id === '106540352242922')
    expect(number[group][name]).toMatchObject({ value, since: toTime(entry.time * 1000) })
  }

export const template =
  (language: string, facts: Json): Check =>
  (seen, body) => {
    const { entry, value } = firstChange(body)
    const found = seen.templates.filter(
      (one) => one.account === entry.id && one.name === value.message_template_name && one.language === language,
    )
    expect(found).toHaveLength(1)
    for (const [name, wanted] of Object.entries(facts)) expect(found[0].facts[name]?.value).toEqual(wanted)
  }

export function contactOfPhone(seen: Seen, digits: string): Json {
  return must(
    seen.contacts.find(({ phone }) => phone === `+${digits}`),
    `the contact +${digits}`,
  )
}

export const call =
  (direction: string, wanted: Json): Check =>
  (seen, body) => {
    const steps = [...listed(body, 'calls'), ...listed(body, 'statuses')]
    expect(steps.length).toBeGreaterThan(0)
    for (const raw of steps) {
      const view = messageNamed(seen, raw.id)
      expect(view).toMatchObject({ type: 'call', direction, content: { kind: 'call', call: wanted } })
    }
  }

/** What was edited is here (a test posts it after the edit) and says what the edit says. */
export const edited: Check = (seen, body) => {
  const [raw] = listed(body, 'messages')
  const { original_message_id: target, message: now } = raw.edit
  expect(messageNamed(seen, target)).toMatchObject({
    type: now.type,
    [now.type]: now[now.type],
    content: { kind: 'attachment', text: now[now.type].caption },
    edited_at: toTime(Number(raw.timestamp) * 1000),
  })
}

/** What was taken back says so and shows nothing, as the setting is by default. */
export const revoked =
  (member: string): Check =>
  (seen, body) => {
    const [raw] = listed(body, member)
    const view = messageNamed(seen, raw.revoke.original_message_id)
    expect(view).toMatchObject({ revoked: 'hidden', revoked_at: toTime(Number(raw.timestamp) * 1000) })
    expect(view).not.toHaveProperty('text')
    expect(view).not.toHaveProperty('content')
  }

export const reaction: Check = (seen, body) => {
  const [raw] = listed(body, 'messages')
  expect(messageNamed(seen, raw.reaction.message_id).reactions).toEqual([
    expect.objectContaining({ emoji: raw.reaction.emoji, by: 'customer' }),
  ])
}

export const history: Check = (seen, body) => {
  for (const chunk of listed(body, 'history')) {
    for (const thread of chunk.threads) {
      for (const raw of thread.messages) {
        const view = messageNamed(seen, raw.id)
        const isOurs = raw.from !== thread.id
        expect(view).toMatchObject({ history: true, type: raw.type, direction: isOurs ? 'out' : 'in', ...stampOf(raw) })
        expect(view.conversation.contact.phone).toBe(`+${thread.id}`)
        if (isOurs) expect(view.state).toBe(raw.history_context.status.toLowerCase())
      }
    }
  }
  expect(
    seen.events.filter(({ type }) => type === 'message.received').map(({ data }) => data.message.upstream_id),
  ).not.toContain(listed(body, 'history')[0].threads[0].messages[0].id)
}

export const consent: Check = (seen, body) => {
  for (const raw of listed(body, 'user_preferences')) {
    expect(contactOfPhone(seen, raw.wa_id).consents[raw.category]).toEqual({
      value: raw.value,
      at: toTime(raw.timestamp * 1000),
      source: 'platform',
    })
  }
}

export const addressBook: Check = (seen, body) => {
  for (const raw of listed(body, 'state_sync')) {
    const contact = contactOfPhone(seen, raw.contact.phone_number)
    expect(contact).toMatchObject({ book_name: raw.contact.full_name })
  }
}

/** What the platform saw happen in a thread is a notice that steers nothing. */
export const automaticEvent =
  (event: string): Check =>
  (seen, body) => {
    const wanted = canonicalJson(listed(body, 'automatic_events')).slice(1, -1)
    const found = seen.notices.filter(({ object }) => canonicalJson(object).includes(wanted))
    expect(found).toMatchObject([{ field: 'automatic_events', event, severity: 'info', facts: [] }])
  }
