import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { challengeAnswer, signatureIsValid } from './signature.ts'

const BODY = new TextEncoder().encode('{"object":"whatsapp_business_account","text":"\\u00e9\\/"}')
const SECRET = 'new secret'
const OLD = 'old secret'

/** Made with another implementation than the one under test. */
const signed = (secret: string, body: Uint8Array = BODY) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

describe('signatureIsValid()', () => {
  const good = signed(SECRET)
  const changedBody = BODY.slice()
  changedBody[10] = (changedBody[10] ?? 0) ^ 1
  const cases: [name: string, header: string | null, secrets: string[], body: Uint8Array, isValid: boolean][] = [
    ['takes the secret', good, [SECRET], BODY, true],
    ['takes upper-case digits', `sha256=${good.slice(7).toUpperCase()}`, [SECRET], BODY, true],
    ['takes the first of two secrets', good, [SECRET, OLD], BODY, true],
    ['takes the second of two secrets', signed(OLD), [SECRET, OLD], BODY, true],
    ['takes an empty body', signed(SECRET, new Uint8Array()), [SECRET], new Uint8Array(), true],
    ['refuses another secret', signed('else'), [SECRET, OLD], BODY, false],
    ['refuses a body with one bit changed', good, [SECRET], changedBody, false],
    ['refuses a missing header', null, [SECRET], BODY, false],
    ['refuses an empty header', '', [SECRET], BODY, false],
    ['refuses digits without the prefix', good.slice(7), [SECRET], BODY, false],
    ['refuses another algorithm', good.replace('sha256', 'sha512'), [SECRET], BODY, false],
    ['refuses a digest that is cut', good.slice(0, -2), [SECRET], BODY, false],
    ['refuses a digest that goes on', `${good}00`, [SECRET], BODY, false],
    ['refuses what is no digit', `${good.slice(0, -1)}g`, [SECRET], BODY, false],
    ['refuses characters outside ASCII', `sha256=${'é'.repeat(64)}`, [SECRET], BODY, false],
    ['refuses a signature made with the empty secret', signed(''), [''], BODY, false],
    ['refuses everything without a secret', good, [], BODY, false],
  ]
  test.each(cases)('%s', (...[, header, secrets, body, isValid]) => {
    expect(signatureIsValid(body, header, secrets)).toBe(isValid)
  })

  test('a changed digit anywhere in the digest is refused', () => {
    for (let at = 7; at < good.length; at++) {
      const digit = good[at] === '0' ? '1' : '0'
      expect(signatureIsValid(BODY, good.slice(0, at) + digit + good.slice(at + 1), [SECRET]), `digit ${at}`).toBe(
        false,
      )
    }
  })
})

describe('challengeAnswer()', () => {
  const query = (mode: string, token: string, challenge: string) =>
    new URLSearchParams({ 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge })

  const cases: [name: string, query: URLSearchParams, token: string, answer: string | null][] = [
    ['repeats the challenge', query('subscribe', 'token', '1158201444'), 'token', '1158201444'],
    ['refuses another token', query('subscribe', 'tokem', '1158201444'), 'token', null],
    ['refuses a longer token', query('subscribe', 'token1', '1158201444'), 'token', null],
    ['refuses another mode', query('unsubscribe', 'token', '1158201444'), 'token', null],
    ['refuses an empty token on both sides', query('subscribe', '', '1158201444'), '', null],
    ['refuses a missing challenge', query('subscribe', 'token', ''), 'token', null],
    ['refuses a challenge of more than 1,024 characters', query('subscribe', 'token', '1'.repeat(1025)), 'token', null],
    ['refuses an empty query', new URLSearchParams(), 'token', null],
  ]
  test.each(cases)('%s', (_name, asked, token, answer) => {
    expect(challengeAnswer(asked, token)).toBe(answer)
  })
})
