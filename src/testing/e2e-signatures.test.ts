import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { FAST_NUMBER, sign, TEST_SECRETS, TestGateway, testConfigText, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(async () => {
  await house.close()
})

let count = 0

/** A webhook with one message of its own. */
function bodyOf(timestampS = '1795338600', id = `wamid.signed${++count}`): string {
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
    contacts: [{ profile: { name: 'Grace' }, wa_id: '15550791234' }],
    messages: [{ from: '15550791234', id, timestamp: timestampS, type: 'text', text: { body: 'hello' } }],
  }
  const entry = { id: '102290129340398', changes: [{ field: 'messages', value }] }
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] })
}

function idOf(body: string): string {
  return JSON.parse(body).entry[0].changes[0].value.messages[0].id
}

/** What was answered 200. */
const taken: string[] = []

/** The platform's ids of all messages that events have told of. */
async function toldIds(): Promise<string[]> {
  const { body } = await house.api('/api/v1/events?after=0&limit=500')
  const events: { type: string; data: { message: { upstream_id: string } } }[] = body.events
  return events.filter(({ type }) => type === 'message.received').map(({ data }) => data.message.upstream_id)
}

const { appSecret, previousSecret, otherSecret } = TEST_SECRETS
const hex = (body: string, secret = appSecret) => sign(body, secret).slice('sha256='.length)

describe('a webhook signed', () => {
  test.each([
    ['with the secret', (body: string) => sign(body), 'main', 200],
    ['with the former secret', (body: string) => sign(body, previousSecret), 'main', 200],
    ['with upper-case digits', (body: string) => `sha256=${hex(body).toUpperCase()}`, 'main', 200],
    ['with an upper-case name', (body: string) => `SHA256=${hex(body)}`, 'main', 401],
    ['with a wrong secret', (body: string) => sign(body, 'nobody’s'), 'main', 401],
    ['with an empty key', (body: string) => sign(body, ''), 'main', 401],
    ['for another body', () => sign(bodyOf()), 'main', 401],
    ['with the secret of another app', (body: string) => sign(body, otherSecret), 'main', 401],
    ['for another app', (body: string) => sign(body), 'other', 401],
    ['for the other app, with its own secret', (body: string) => sign(body, otherSecret), 'other', 200],
    ['for an app that is none', (body: string) => sign(body), 'none', 404],
    ['not at all', () => null, 'main', 401],
    ['with nothing', () => '', 'main', 401],
    ['with the name alone', () => 'sha256=', 'main', 401],
    ['with the digits alone', (body: string) => hex(body), 'main', 401],
    ['too short by a digit', (body: string) => sign(body).slice(0, -1), 'main', 401],
    ['too long by a digit', (body: string) => `${sign(body)}0`, 'main', 401],
    ['twice, right and right', (body: string) => `${sign(body)}, ${sign(body)}`, 'main', 401],
    ['twice, wrong and right', (body: string) => `sha256=${'0'.repeat(64)}, ${sign(body)}`, 'main', 401],
    ['by the older method alone', (body: string) => `sha1=${hex(body).slice(0, 40)}`, 'main', 401],
  ] as const)('%s', async (_, signatureOf, app, status) => {
    const body = bodyOf()
    const answer = await house.webhook(body, { signature: signatureOf(body), app })
    expect(answer.status).toBe(status)
    if (status === 200) taken.push(idOf(body))
  })

  test('with one byte of it changed is refused', async () => {
    const body = bodyOf()
    expect((await house.webhook(body.replace('hello', 'hellp'), { signature: sign(body) })).status).toBe(401)
    expect((await house.webhook(`${body} `, { signature: sign(body) })).status).toBe(401)
  })

  test('and sent again after days is taken, and told once; what was refused is told never', async () => {
    const nowS = Math.floor(Date.parse('2026-11-22T00:00:00Z') / 1000)
    const bodies = [0, 1, 8].map((days) => bodyOf(String(nowS - days * 86_400)))
    for (const body of [...bodies, ...bodies, ...bodies]) expect((await house.webhook(body)).status).toBe(200)
    const last = bodyOf()
    expect((await house.webhook(last)).status).toBe(200)
    taken.push(...bodies.map(idOf), idOf(last))
    const told = await until('all are applied', async () => {
      const ids = await toldIds()
      return ids.includes(idOf(last)) ? ids : undefined
    })
    expect(told.toSorted()).toEqual(taken.toSorted())
  })

  test('with a secret that was changed for good is refused', async () => {
    const text = testConfigText().replace(`app_secret_previous = "${previousSecret}"\n`, '')
    house.configText = text.replaceAll(`"${appSecret}"`, '"a-secret-of-today"')
    expect((await house.reload()).outcome).toBe('changed')
    const body = bodyOf()
    const statusOf = async (secret: string) => (await house.webhook(body, { signature: sign(body, secret) })).status
    expect([await statusOf(appSecret), await statusOf(previousSecret), await statusOf('a-secret-of-today')]).toEqual([
      401, 401, 200,
    ])
    taken.push(idOf(body))
    house.configText = testConfigText()
    expect((await house.reload()).outcome).toBe('changed')
  })
})
