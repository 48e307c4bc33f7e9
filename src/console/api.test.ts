import { describe, expect, test } from 'bun:test'
import { createApi, Problem, problemOf } from './api.ts'
import { replyBlock } from './view/reply-block.ts'
import type { ConversationView } from './wire.ts'

describe('createApi()', () => {
  test('sends the key, the idempotency key and the body, and escapes what stands in a path', async () => {
    const calls: [string, RequestInit][] = []
    const api = createApi('secret', async (url, init) => {
      calls.push([url, init])
      return Response.json({ id: 'm', state: 'queued' }, { status: 202 })
    })
    expect(await api.send({ type: 'text' }, 'once')).toEqual({ id: 'm', state: 'queued' })
    await api.messages('a/b', 'x&y')
    const headers = { authorization: 'Bearer secret', 'idempotency-key': 'once', 'content-type': 'application/json' }
    expect(calls[0]?.[1]).toMatchObject({ method: 'POST', body: '{"type":"text"}', headers })
    expect(calls[1]?.[0]).toBe('/api/v1/conversations/a%2Fb/messages?limit=50&cursor=x%26y')
  })

  test('tells a broken line from an answer that cannot be read', async () => {
    const broken = createApi('k', () => Promise.reject(new TypeError('Failed to fetch')))
    expect(await broken.me().catch((cause) => cause)).toMatchObject({ code: 'unreachable', status: 0, isPassing: true })
    const odd = createApi('k', async () => new Response('<html>'))
    expect(await odd.me().catch((cause) => cause)).toBeInstanceOf(Problem)
  })
})

describe('problemOf()', () => {
  const cases: [number, unknown, string, string, boolean][] = [
    [422, { code: 'window_closed', detail: 'The window is closed' }, 'window_closed', 'The window is closed', false],
    [400, { code: 'invalid', title: 'invalid', detail: '' }, 'invalid', 'invalid', false],
    [401, { code: 'unauthorized', detail: 'x' }, 'unauthorized', 'The key is not valid.', false],
    [502, undefined, 'unavailable', 'The server is not ready. It works again in a moment.', true],
    [429, 'no object', 'rate_limited', 'Too many requests at once. It works again in a moment.', true],
    [418, null, 'internal', 'The server made a mistake. It is in its log.', false],
  ]
  test.each(cases)('%d %j is %s: %j', (status, body, code, message, isPassing) => {
    expect(problemOf(status, body)).toMatchObject({ status, code, message, isPassing })
  })
})

describe('replyBlock()', () => {
  const NOW = Date.UTC(2026, 0, 2)
  const view: ConversationView = {
    id: 'c',
    number: 'n',
    number_alias: 'Support',
    contact: { id: 'k' },
    unread: 0,
    created_at: new Date(NOW).toISOString(),
    last_message_at: null,
    window_expires_at: new Date(NOW + 1).toISOString(),
    standby: false,
  }
  const cases: [string, Partial<ConversationView>, string, boolean | null, RegExp][] = [
    ['nothing', {}, 'active', null, /^$/],
    ['a closed window', { window_expires_at: null }, 'active', true, /24-hour window/],
    ['a window that closes now', { window_expires_at: new Date(NOW).toISOString() }, 'active', true, /24-hour/],
    ['an unclaimed number', { window_expires_at: null }, 'unclaimed', true, /Support: the number/],
    ['another application', { standby: true }, 'active', true, /Another application/],
    ['a paused number', {}, 'paused', false, /Support is paused/],
  ]
  test.each(cases)('%s stands in the way', (_, change, state, isFinal, words) => {
    const numbers = [{ number: 'n', alias: 'Support', display: null, state }]
    const block = replyBlock({ ...view, ...change }, numbers, NOW, { isTakingOver: false, mayReply: true })
    expect(block?.isFinal ?? null).toBe(isFinal)
    expect(block?.words ?? '').toMatch(words)
  })

  test('whoever may only read is told so', () => {
    const block = replyBlock(view, [], NOW, { isTakingOver: false, mayReply: false })
    expect(block).toMatchObject({ isFinal: true, words: expect.stringContaining('not answer') })
  })

  test('taking over, another application is only said, and the window is for the server to judge', () => {
    const numbers = [{ number: 'n', alias: 'Support', display: null, state: 'active' }]
    const standby = { ...view, standby: true, window_expires_at: null }
    const block = replyBlock(standby, numbers, NOW, { isTakingOver: true, mayReply: true })
    expect(block).toMatchObject({ isFinal: false, words: expect.stringContaining('takes this conversation over') })
  })
})
