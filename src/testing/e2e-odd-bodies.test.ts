import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { FAST_NUMBER, sign, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(async () => {
  await house.close()
})

/** A text message of the platform; `text` is a JSON string literal, as it stands in the body. */
function bodyWith(phone: string, id: string, text: string, more = ''): string {
  return `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":"messages","value":{
"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"${FAST_NUMBER}"},
"contacts":[{"profile":{"name":"Odd"},"wa_id":"${phone}"}],${more}
"messages":[{"from":"${phone}","id":"${id}","timestamp":"1795338000","type":"text","text":{"body":${text}}}]}}]}]}`
}

/** The text that the house shows of a person's only message. */
async function shownOf(phone: string): Promise<unknown> {
  const { id } = await house.conversationOf(`+${phone}`)
  return (await house.api(`/api/v1/conversations/${id}/messages`)).body.items[0]?.text?.body
}

describe('a webhook whose JSON is odd but JSON', () => {
  const cases: [name: string, text: string, shown: string, more?: string][] = [
    ['with a lone surrogate', '"a\\ud800b"', 'a\ufffdb'],
    ['with NUL in its text', '"a\\u0000b"', 'a\u0000b'],
    [
      'with __proto__ and constructor as members',
      '"proto"',
      'proto',
      '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},',
    ],
    ['with a number beyond every number', '"large"', 'large', '"x":1e400,"y":-1e400,"z":12345678901234567890123,'],
    ['with a member twice', '"twice"', 'twice', '"x":1,"x":2,"x":{"x":3},'],
    ['with 500 characters of combining marks', `"a${'\u0301'.repeat(500)}"`, `a${'\u0301'.repeat(500)}`],
  ]
  test.each(cases.map((one, index) => [one[0], index] as const))('%s is kept and shown', async (_, index) => {
    const [, text, shown, more = ''] = cases[index] ?? ['', '""', '']
    const phone = `1555034${1000 + index}`
    expect((await house.webhook(bodyWith(phone, `wamid.odd-${index}`, text, more))).status).toBe(200)
    const seen = await shownOf(phone)
    // A lone half of a pair cannot be written as UTF-8: it may stay as it is or be replaced.
    expect(String(seen).replaceAll(/[\ud800-\udfff]/g, '\ufffd')).toBe(shown)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('a webhook that is no JSON in UTF-8', () => {
  const whole = bodyWith('15550349999', 'wamid.never', '"never"')
  const bodies: [name: string, body: Uint8Array][] = [
    ['packed with gzip', gzipSync(whole)],
    ['a bomb of gzip', gzipSync(new Uint8Array(50 * 1024 * 1024))],
    ['in UTF-16', Buffer.from(whole, 'utf16le')],
    ['cut in the middle', Buffer.from(whole.slice(0, 200))],
    [
      'with bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"')]),
    ],
    ['empty', new Uint8Array()],
  ]
  test('is set aside and answered 200, whatever it is, and what comes next is taken', async () => {
    const before = await house.metric('gatehouse_quarantined_items')
    for (const [name, body] of bodies) {
      const { status } = await house.webhook(body)
      expect({ name, status }).toEqual({ name, status: 200 })
    }
    await house.write('+15550341999', 'after all that')
    await until(
      'they are set aside',
      async () => (await house.metric('gatehouse_quarantined_items')) >= before + bodies.length,
    )
    expect(await shownOf('15550341999')).toBe('after all that')
  })

  test('is not unpacked because a header says so', async () => {
    const body = gzipSync(whole)
    const response = await fetch(`${house.url}/webhooks/whatsapp/main`, {
      method: 'POST',
      body,
      headers: {
        'Content-Encoding': 'gzip',
        'Content-Type': 'application/json; charset=utf-16',
        'X-Hub-Signature-256': sign(body),
      },
    })
    expect(response.status).toBe(200)
    expect(house.fatal).toEqual([])
  })
})

describe('a request to the API', () => {
  const asks: [name: string, body: string | Uint8Array][] = [
    ['with a byte order mark before nothing', '\ufeff'],
    ['packed with gzip', gzipSync('{"to":"x"}')],
    ['with a number beyond every number', '{"to":1e400}'],
    ['with __proto__', '{"__proto__":{"to":"+15550340001"},"type":"text","text":{"body":"x"}}'],
    ['nested 100,000 deep', '['.repeat(100_000)],
    ['that is a list', '[]'],
    ['that is null', 'null'],
    ['in UTF-16', Buffer.from('{"to":"x"}', 'utf16le')],
  ]
  test.each(asks)('%s is refused in words', async (_, body) => {
    const answer = await house.request('/api/v1/messages', {
      method: 'POST',
      body: body as BodyInit,
      headers: { Authorization: `Bearer ${house.key}`, 'Content-Type': 'application/json' },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid' } })
  })
})
