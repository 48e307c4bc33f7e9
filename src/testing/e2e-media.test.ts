import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from './seeded-random.ts'
import { FAST_NUMBER, first, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

const PDF_MARKER = 'the secret of the invoice'

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open({ config: '\n[media]\nsize_bytes_max = 3000000\n' })
})
afterAll(async () => {
  await house.close()
})
afterEach(async () => {
  await house.simulator('/_/faults', undefined, 'DELETE')
})

function randomBytes(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256))
}

function pdf(seed: number, size = 200_000): Uint8Array<ArrayBuffer> {
  const bytes = randomBytes(size, seed)
  bytes.set(new TextEncoder().encode(`%PDF-1.7 ${PDF_MARKER}`))
  return bytes
}

/** A file at the platform, as a customer's phone puts it there. */
async function upload(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<string> {
  const init = { method: 'POST', body: bytes, headers: { 'Content-Type': type } }
  const answer = await fetch(`${house.simulatorUrl}/_/media`, init)
  return ((await answer.json()) as { id: string }).id
}

/** A customer sends a file. It is the newest message when this resolves: a 200 promises only that it will be. */
async function send(phone: string, type: string, object: object): Promise<void> {
  const { body } = await house.simulator(`/_/customers/${phone}/messages?wait=1`, {
    number: 'support',
    message: { type, [type]: object },
  })
  // What takes a message back is in no list.
  if (type !== 'revoke') await until('the message is shown', async () => (await newest(phone)).upstream_id === body.id)
}

// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function newest(phone: string): Promise<any> {
  const conversation = await house.conversationOf(phone)
  return first((await house.api(`/api/v1/conversations/${conversation.id}/messages`)).body.items)
}

/** The newest message of a phone, once its file is in a state. */
// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function newestIn(phone: string, state: string): Promise<any> {
  let last: unknown
  return await until(
    `the file of ${phone} is ${state}`,
    async () => {
      const message = await newest(phone)
      last = message.attachments
      return message.attachments?.[0]?.state === state && message
    },
    () => JSON.stringify(last),
  )
}

async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(house.url + path, { headers: { Authorization: `Bearer ${house.key}`, ...headers } })
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

/** Every file of the data folder that belongs to media. */
function mediaFiles(): string[] {
  const folder = join(house.folder, 'data', 'media')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('a picture of a customer', () => {
  const phone = '+447700900201'

  test('is shown first, then it is there, with its thumbnail, and events say so', async () => {
    const { head } = (await house.api('/api/v1/me')).body
    await send(phone, 'image', { caption: 'Look' })
    const message = await newestIn(phone, 'ready')
    const attachment = first<Record<string, string>>(message.attachments)
    expect(attachment).toMatchObject({ kind: 'image', mime_type: 'image/png', thumbnail: true, reason: null })
    const { events } = (await house.api(`/api/v1/events?after=${head}`)).body
    const told = events.filter(({ type }: { type: string }) => /^message\.(received|media)$/.test(type))
    expect(told.map(({ type }: { type: string }) => type)).toEqual(['message.received', 'message.media'])
    expect(told[0].data.message.attachments).toMatchObject([{ state: 'waiting', url: null }])
    expect(told[1].data).toEqual({
      message_id: message.id,
      conversation_id: message.conversation_id,
      attachment: message.attachments[0],
    })
    const served = await get(attachment['url'] ?? '')
    expect(Object.fromEntries(served.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': 'inline',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
    })
    const mediaId = message.image.id as string
    const original = await bytesOf(await fetch(`${house.simulatorUrl}/_/media/${mediaId}`))
    const bytes = await bytesOf(served)
    expect(bytes.equals(original)).toBe(true)
    expect(String(bytes.length)).toBe(String(attachment['size_bytes']))
    const thumbnail = await get(attachment['thumbnail_url'] ?? '')
    expect(thumbnail.headers.get('content-type')).toBe('image/webp')
    expect(await new Bun.Image(new Uint8Array(await bytesOf(thumbnail))).metadata()).toMatchObject({ format: 'webp' })
  })

  test('is there for nobody without a key, and a made-up id is not there at all', async () => {
    await send(phone, 'image', {})
    await newestIn(phone, 'ready')
    const { url } = first<{ url: string }>((await newest(phone)).attachments)
    expect((await fetch(house.url + url)).status).toBe(401)
    expect((await get('/api/v1/media/med_zzzz')).status).toBe(404)
    expect((await get('/api/v1/media/msg_1')).status).toBe(404)
    expect((await get(`${url}?width=10`)).status).toBe(400)
  })

  test('is still there after a restart', async () => {
    await send(phone, 'image', {})
    await newestIn(phone, 'ready')
    await house.restart()
    const { url } = first<{ url: string }>((await newest(phone)).attachments)
    expect((await get(url)).status).toBe(200)
  })
})

describe('a document', () => {
  const phone = '+447700900202'
  const content = pdf(1)
  let url = ''
  let etag = ''

  beforeAll(async () => {
    const id = await upload(content, 'application/pdf')
    await send(phone, 'document', { id, filename: 'Rechnung "März"/7.pdf' })
    url = first<{ url: string }>((await newestIn(phone, 'ready')).attachments).url
    etag = (await get(url)).headers.get('etag') ?? ''
  })

  test('is served as what it is, under the name that its sender gave it, made harmless', async () => {
    const answer = await get(url)
    expect(answer.headers.get('content-type')).toBe('application/pdf')
    expect(answer.headers.get('content-disposition')).toBe(
      `inline; filename="Rechnung _M_rz__7.pdf"; filename*=UTF-8''Rechnung%20%22M%C3%A4rz%22_7.pdf`,
    )
    expect((await bytesOf(answer)).equals(Buffer.from(content))).toBe(true)
  })

  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=65530-65545', 65_530, 65_545],
    ['bytes=131072-', 131_072, 199_999],
    ['bytes=-100', 199_900, 199_999],
    ['bytes=-999999', 0, 199_999],
    ['bytes=199999-500000', 199_999, 199_999],
    ['bytes=0-199999', 0, 199_999],
  ])('%s is the part that it names', async (range, from, to) => {
    const answer = await get(url, { Range: range })
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${to}/200000`)
    expect((await bytesOf(answer)).equals(Buffer.from(content.subarray(from, to + 1)))).toBe(true)
  })

  test.each(['bytes=200000-', 'bytes=200000-200001', 'bytes=-0'])('%s lies outside', async (range) => {
    const answer = await get(url, { Range: range })
    expect({ status: answer.status, range: answer.headers.get('content-range') }).toEqual({
      status: 416,
      range: 'bytes */200000',
    })
  })

  test.each(['bytes=0-1,5-6', 'bytes=9-3', 'bytes=-', 'bytes=a-b', 'items=0-1', 'bytes 0-1'])(
    '%s is answered with the whole',
    async (range) => {
      const answer = await get(url, { Range: range })
      expect(answer.status).toBe(200)
      expect((await bytesOf(answer)).length).toBe(200_000)
    },
  )

  test('is not sent again to whoever has it, and in parts only of the same', async () => {
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/)
    expect((await get(url, { 'If-None-Match': etag })).status).toBe(304)
    expect((await get(url, { 'If-None-Match': `"other", W/${etag}` })).status).toBe(304)
    expect((await get(url, { 'If-None-Match': '"other"' })).status).toBe(200)
    expect((await get(url, { Range: 'bytes=0-1', 'If-Range': etag })).status).toBe(206)
    expect((await get(url, { Range: 'bytes=0-1', 'If-Range': '"other"' })).status).toBe(200)
  })

  test('has no thumbnail', async () => {
    expect((await get(`${url}/thumbnail`)).status).toBe(404)
  })

  test('is in no file in clear, and its name in no log line', async () => {
    for (const path of mediaFiles()) expect(readFileSync(path).includes(PDF_MARKER)).toBe(false)
    expect(house.lines.some((line) => line.includes('Rechnung'))).toBe(false)
    expect(house.lines.some((line) => line.includes('file fetched'))).toBe(true)
  })

  test('that the same person sends again is one file, and is not fetched again', async () => {
    const before = mediaFiles().length
    const bytes = await house.metric('gatehouse_media_bytes_total')
    const id = await upload(content, 'application/pdf')
    await send(phone, 'document', { id, filename: 'again.pdf' })
    await newestIn(phone, 'ready')
    expect(mediaFiles()).toHaveLength(before)
    await send('+447700900203', 'document', { id, filename: 'mine.pdf' })
    await newestIn('+447700900203', 'ready')
    expect(mediaFiles()).toHaveLength(before + 1)
    // The text of the metrics is at most a second old.
    await until('the bytes are counted', async () => (await house.metric('gatehouse_media_bytes_total')) > bytes)
    expect(await house.metric('gatehouse_media_bytes_total')).toBe(bytes + 200_000)
  })
})

describe('what a browser must not run', () => {
  test.each([
    ['a page', 'text/html', '<!doctype html><html><script>alert(1)</script></html>', 'application/octet-stream'],
    [
      'a drawing',
      'image/svg+xml',
      '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
      'application/octet-stream',
    ],
    ['a text', 'text/plain', 'hello', 'application/octet-stream'],
    ['XML', 'application/xml', '<?xml version="1.0"?><a/>', 'application/octet-stream'],
    ['a picture by its name alone', 'image/png', 'not a picture', 'application/octet-stream'],
    ['a PDF that says it is a picture', 'image/png', '%PDF-1.7 abcdefghijklmnop', 'application/pdf'],
  ])('%s is saved or shown as what it is, whatever it is called', async (_, type, content, served) => {
    const phone = `+447700${900_300 + (Bun.hash.crc32(type + content) % 600)}`
    const id = await upload(new TextEncoder().encode(content), type)
    await send(phone, 'document', { id, filename: 'file.html' })
    const { url } = first<{ url: string }>((await newestIn(phone, 'ready')).attachments)
    const answer = await get(url)
    expect(answer.headers.get('content-type')).toBe(served)
    const isShown = served === 'application/pdf'
    expect(answer.headers.get('content-disposition')).toStartWith(isShown ? 'inline' : 'attachment')
  })
})

describe('a message that its author takes back', () => {
  test('takes its file along, unless somebody may see it and asks', async () => {
    const phone = '+447700900220'
    await send(phone, 'image', {})
    const message = await newestIn(phone, 'ready')
    const { url } = first<{ url: string }>(message.attachments)
    expect((await get(url)).status).toBe(200)
    await send(phone, 'revoke', { original_message_id: message.upstream_id })
    await until('it is taken back', async () => (await newest(phone)).revoked === 'hidden')
    expect(await newest(phone)).not.toHaveProperty('attachments')
    expect((await get(url)).status).toBe(404)
    expect((await get(`${url}/thumbnail`)).status).toBe(404)
    expect((await house.api(`${url}/fetch`, {})).status).toBe(404)
    expect((await get(`${url}?revoked=show`)).status).toBe(200)
    const { events } = (await house.api('/api/v1/events?after=0')).body
    const told = events.filter(
      ({ type, data }: { type: string; data: { message_id: string } }) =>
        type === 'message.media' && data.message_id === message.id,
    )
    expect(told.map(({ data }: { data: object }) => data)).toEqual([
      { message_id: message.id, conversation_id: message.conversation_id, revoked: 'hidden' },
    ])
  })
})

describe('when it goes wrong', () => {
  test('an address that has died is asked for anew by the id', async () => {
    const phone = '+447700900210'
    await house.stop()
    const body = { number: 'support', message: { type: 'image', image: {} } }
    await house.simulator(`/_/customers/${phone}/messages`, body)
    await house.simulator('/_/media/addresses', undefined, 'DELETE')
    await house.start()
    await newestIn(phone, 'ready')
  })

  test('a file that has vanished is said in the thread, and comes when it is asked for again', async () => {
    const phone = '+447700900211'
    await house.simulator('/_/faults', { kind: 'media_missing' })
    await send(phone, 'image', {})
    const message = await newestIn(phone, 'gone')
    const attachment = first<{ id: string }>(message.attachments)
    expect(attachment).toMatchObject({ reason: 'vanished', url: null, thumbnail: false })
    expect((await get(`/api/v1/media/${attachment.id}`)).status).toBe(404)
    await house.simulator('/_/faults', undefined, 'DELETE')
    const again = await house.api(`/api/v1/media/${attachment.id}/fetch`, {})
    expect({ status: again.status, body: again.body }).toEqual({
      status: 200,
      body: { id: attachment.id, state: 'waiting' },
    })
    await newestIn(phone, 'ready')
    expect((await house.api(`/api/v1/media/${attachment.id}/fetch`, {})).status).toBe(409)
  })

  test('a file that is too large is not taken, and the thread says so', async () => {
    const phone = '+447700900212'
    const before = mediaFiles().length
    const id = await upload(pdf(2, 3_000_001), 'application/pdf')
    await send(phone, 'document', { id })
    await newestIn(phone, 'too_large')
    expect(mediaFiles()).toHaveLength(before)
  })

  test('a file at a host that nobody allowed is not fetched, and the log says which host it was', async () => {
    const phone = '+447700900215'
    const image = { id: '1', url: 'https://elsewhere.example.test/file', mime_type: 'image/png' }
    await house.webhook(
      JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [
          {
            id: '102290129340398',
            changes: [
              {
                field: 'messages',
                value: {
                  messaging_product: 'whatsapp',
                  metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
                  contacts: [{ wa_id: phone.slice(1), profile: { name: 'Eve' } }],
                  messages: [
                    {
                      id: 'wamid.ELSEWHERE',
                      from: phone.slice(1),
                      timestamp: String(Math.floor(Date.now() / 1000)),
                      type: 'image',
                      image,
                    },
                  ],
                },
              },
            ],
          },
        ],
      }),
    )
    const { attachments } = await newestIn(phone, 'refused')
    expect(attachments).toMatchObject([{ reason: 'host_not_allowed' }])
    expect(house.lines.some((line) => line.includes('"host":"elsewhere.example.test"'))).toBe(true)
  })

  test('bytes that are not those that were signed for are asked for again', async () => {
    const phone = '+447700900213'
    await house.simulator('/_/faults', { kind: 'media_wrong_hash', count: 1 })
    await send(phone, 'image', {})
    await newestIn(phone, 'ready')
    expect(house.lines.some((line) => line.includes('hash_mismatch'))).toBe(true)
  })

  test("an error of the platform's is tried again", async () => {
    const phone = '+447700900214'
    await house.simulator('/_/faults', { kind: 'media_error', status: 503, count: 1 })
    await send(phone, 'image', {})
    await newestIn(phone, 'ready')
    expect(house.lines.some((line) => line.includes('platform_error'))).toBe(true)
  })

  test('nothing is left half-written', async () => {
    // A file moves to its place after its row has said that it is here.
    await until('all is in its place', () => !mediaFiles().some((path) => path.includes('incoming')))
    expect(house.fatal).toEqual([])
  })
})
