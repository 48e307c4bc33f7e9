import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { FileRequest } from '../channel.ts'
import { LoopbackPlatform } from '../loopback.ts'
import { locateFile } from './file.ts'

const platform = new LoopbackPlatform()
beforeAll(() => platform.start())
afterAll(() => platform.stop())

const TOKEN = 'the-token'
const SHA256 = 'ab'.repeat(32)

function request(more: Partial<FileRequest> = {}): FileRequest {
  return {
    graphUrl: platform.url,
    graphVersion: 'v25.0',
    accessToken: TOKEN,
    accountId: '106540352242922',
    fileId: '1037543291543636',
    timeoutMs: 200,
    ...more,
  }
}

function behave(status: number, body: object | string, headers: Record<string, string> = {}): void {
  platform.behave({ do: 'answer', status, body: typeof body === 'string' ? body : JSON.stringify(body), headers })
}

describe('locateFile()', () => {
  test('asks by id and number with the token, and says what the platform says', async () => {
    const url = 'https://lookaside.example.test/whatsapp_business/attachments/?mid=1'
    behave(200, {
      messaging_product: 'whatsapp',
      url,
      mime_type: 'image/jpeg',
      sha256: Buffer.from(SHA256, 'hex').toString('base64'),
      file_size: 303833,
      id: '1037543291543636',
    })
    expect(await locateFile(request(), fetch)).toEqual({ kind: 'found', url, sha256: SHA256, sizeBytes: 303833 })
    const { head = '' } = platform.requests[0] ?? {}
    expect(head).toStartWith('GET /v25.0/1037543291543636?phone_number_id=106540352242922 ')
    expect(head.toLowerCase()).toContain(`authorization: bearer ${TOKEN}`)
  })

  test('asks for nothing but the file, whatever its id holds', async () => {
    behave(200, { url: 'https://lookaside.example.test/' })
    await locateFile(request({ fileId: '../me?fields=x#' }), fetch)
    expect(platform.requests[0]?.head).toStartWith('GET /v25.0/..%2Fme%3Ffields%3Dx%23?phone_number_id=')
  })

  test.each<[string, number, object | string]>([
    ['an id that is not there', 400, { error: { code: 100, error_subcode: 33, message: 'Unsupported get request.' } }],
    ['404', 404, ''],
    ['410', 410, { error: { code: 1 } }],
  ])('a file is gone by %s', async (_, status, body) => {
    behave(status, body)
    expect(await locateFile(request(), fetch)).toEqual({ kind: 'gone' })
  })

  test.each<[string, number, object | string, string]>([
    ['a token that is not taken', 401, { error: { code: 190 } }, 'token_refused'],
    ['another wrong parameter', 400, { error: { code: 100, error_subcode: 2 } }, 'refused_by_platform'],
    ['a missing permission', 403, { error: { code: 10 } }, 'refused_by_platform'],
    ['an error of the platform', 500, '<html>', 'platform_error'],
    ['an answer without an address', 200, { id: '1' }, 'answer_not_understood'],
    ['an answer that is no JSON', 200, 'hello', 'answer_not_understood'],
    ['an answer that is far too long', 200, 'x'.repeat(100_000), 'answer_not_understood'],
  ])('%s is tried again later', async (_, status, body, reason) => {
    behave(status, body)
    expect(await locateFile(request(), fetch)).toEqual({ kind: 'later', reason, afterMs: null })
  })

  test('a throttle says for how long', async () => {
    behave(429, { error: { code: 4 } }, { 'Retry-After': '33' })
    expect(await locateFile(request(), fetch)).toEqual({
      kind: 'later',
      reason: 'refused_by_platform',
      afterMs: 33_000,
    })
  })

  test('a redirect is not followed', async () => {
    behave(302, '', { Location: 'http://127.0.0.1:1/' })
    expect(await locateFile(request(), fetch)).toMatchObject({ kind: 'later' })
  })

  test.each([['silence'], ['reset']] as const)('%s is tried again later', async (behaviour) => {
    platform.behave({ do: behaviour })
    expect(await locateFile(request(), fetch)).toEqual({ kind: 'later', reason: 'not_connected', afterMs: null })
  })

  test('a token that cannot stand in a header is no error here', async () => {
    expect(await locateFile(request({ accessToken: 'a\nb' }), fetch)).toMatchObject({ kind: 'later' })
  })
})
