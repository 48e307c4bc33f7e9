import { describe, expect, test } from 'bun:test'
import { DAY_MS, MINUTE_MS } from '../core/clock.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { answerGraph } from './graph-routes.ts'
import { answerMedia } from './media-routes.ts'
import { Platform } from './platform.ts'

const NUMBER = { phoneNumberId: '1', display: '+15550783881', alias: 'support', wabaId: '2' }

/** A platform on a virtual clock, with a photo that a customer has sent. */
function openPhoto() {
  const clock = new FakeClock()
  const random = seededRandom(4)
  const platform = new Platform({ numbers: [NUMBER], accessToken: 'token', appSecret: 'secret', clock, random })
  platform.write('+447700900142', { sample: 'photo' })
  const body = JSON.parse(platform.outbox.take(0)?.body ?? '')
  const { image } = body.entry[0].changes[0].value.messages[0]
  const headers = { authorization: 'Bearer token' }
  const fetchFrom = (url: string) => answerMedia(new Request(url, { headers }), platform)
  const lookUp = async () => {
    const answer = await answerGraph(new Request(`http://localhost/v25.0/${image.id}`, { headers }), {
      platform,
      clock,
      random,
    })
    if (answer === 'reset') throw new Error('Expected an answer')
    return { status: answer.status, body: JSON.parse(await answer.text()) }
  }
  const fault = (input: object) => platform.faults.add(input, (text) => text)
  return { platform, clock, image, fetchFrom, lookUp, fault }
}

const hashOf = async (response: Response) =>
  new Bun.CryptoHasher('sha256').update(await response.arrayBuffer()).digest('base64')

describe('the file of a message', () => {
  test('is what its hash says, and needs the token', async () => {
    const { platform, image, fetchFrom } = openPhoto()
    expect(await hashOf(fetchFrom(image.url))).toBe(image.sha256)
    expect(answerMedia(new Request(image.url), platform).status).toBe(401)
  })

  test('has an address for five minutes and an id for seven days', async () => {
    const { clock, image, fetchFrom, lookUp } = openPhoto()
    clock.advance(5 * MINUTE_MS - 1)
    expect(fetchFrom(image.url).status).toBe(200)
    clock.advance(1)
    expect(fetchFrom(image.url).status).toBe(404)
    const { body } = await lookUp()
    expect(await hashOf(fetchFrom(body.url))).toBe(image.sha256)
    clock.advance(7 * DAY_MS - 5 * MINUTE_MS - 1)
    expect((await lookUp()).status).toBe(200)
    clock.advance(1)
    expect((await lookUp()).status).toBe(400)
  })

  test('that the firm uploaded has an id for thirty days', () => {
    const { platform } = openPhoto()
    const file = platform.media.add(new Uint8Array(3), 'image/png', 0)
    expect(platform.media.find(file?.id ?? '', 30 * DAY_MS - 1)).toBeDefined()
    expect(platform.media.find(file?.id ?? '', 30 * DAY_MS)).toBeUndefined()
  })

  test('is named without an address where that is set', () => {
    const { platform } = openPhoto()
    platform.change({ webhookMediaUrl: false })
    platform.write('+447700900142', { sample: 'photo' })
    const body = JSON.parse(platform.outbox.take(0)?.body ?? '')
    expect(Object.keys(body.entry[0].changes[0].value.messages[0].image).sort()).toEqual(['id', 'mime_type', 'sha256'])
  })
})

describe('a fault of files', () => {
  test('media_missing finds nothing', async () => {
    const { image, fetchFrom, lookUp, fault } = openPhoto()
    fault({ kind: 'media_missing', count: 2 })
    expect([fetchFrom(image.url).status, (await lookUp()).status]).toEqual([404, 400])
    expect(fetchFrom(image.url).status).toBe(200)
  })

  test('media_wrong_hash gives other bytes', async () => {
    const { image, fetchFrom, fault } = openPhoto()
    fault({ kind: 'media_wrong_hash', count: 1 })
    expect(await hashOf(fetchFrom(image.url))).not.toBe(image.sha256)
    expect(await hashOf(fetchFrom(image.url))).toBe(image.sha256)
  })

  test('media_error answers with an error of the server, by address and by id', async () => {
    const { image, fetchFrom, lookUp, fault } = openPhoto()
    fault({ kind: 'media_error', status: 503 })
    expect([fetchFrom(image.url).status, (await lookUp()).status]).toEqual([503, 503])
  })

  test('media_huge says and gives so many megabytes, without holding them', async () => {
    const { image, fetchFrom, lookUp, fault } = openPhoto()
    fault({ kind: 'media_huge', size: 3 })
    expect((await lookUp()).body.file_size).toBe(3 * 1024 * 1024)
    let bytes = 0
    let most = 0
    const body: ReadableStream<Uint8Array> | null = fetchFrom(image.url).body
    for await (const piece of body ?? []) {
      bytes += piece.length
      most = Math.max(most, piece.length)
    }
    expect([bytes, most]).toEqual([3 * 1024 * 1024, 65_536])
  })

  test('media_slow gives half at once and the rest late', async () => {
    const { clock, image, fetchFrom, fault } = openPhoto()
    fault({ kind: 'media_slow', ms: 9000, count: 1 })
    const reader = fetchFrom(image.url).body?.getReader()
    const first = await reader?.read()
    expect(first?.value?.length).toBeGreaterThan(0)
    clock.advance(9000)
    const second = await reader?.read()
    const whole = Buffer.concat([first?.value ?? new Uint8Array(), second?.value ?? new Uint8Array()])
    expect(new Bun.CryptoHasher('sha256').update(whole).digest('base64')).toBe(image.sha256)
  })
})
