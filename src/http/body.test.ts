import { describe, expect, test } from 'bun:test'
import { knownBody, pointerTo, readBody, readJson } from './body.ts'

const URL = 'http://localhost/'

/** A request that does not say how long its body is. */
function chunked(...chunks: (string | Uint8Array)[]): Request {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)
      controller.close()
    },
  })
  return new Request(URL, { method: 'POST', body })
}

function sized(body: string | Uint8Array, length = Buffer.byteLength(body)): Request {
  return new Request(URL, { method: 'POST', body: body as BodyInit, headers: { 'Content-Length': String(length) } })
}

describe('readBody()', () => {
  test.each([
    ['that says its length', sized('hello')],
    ['in pieces', chunked('he', '', 'llo')],
  ])('reads a body %s', async (_, request) => {
    expect(new TextDecoder().decode(await readBody(request, 5))).toBe('hello')
  })

  test.each([
    ['that says so', sized('hello!')],
    ['that says so and is not', sized('hi', 6)],
    ['in pieces', chunked('hello', '!')],
    ['in one piece', chunked('hello!')],
  ])('refuses a body larger than the bound %s', async (_, request) => {
    await expect(readBody(request, 5)).rejects.toMatchObject({
      code: 'too_large',
      message: 'The body is larger than 5 bytes',
    })
  })

  test('stops reading at the bound, however much would follow', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(1024))
      },
    })
    await expect(readBody(new Request(URL, { method: 'POST', body }), 4096)).rejects.toMatchObject({
      code: 'too_large',
    })
    expect(pulled).toBeLessThan(20)
  })

  test('of a request without a body is empty', async () => {
    expect(await readBody(new Request(URL), 5)).toHaveLength(0)
  })
})

describe('readJson()', () => {
  test('reads an object, and a mark of byte order before it', async () => {
    expect(await readJson(sized('{"a":{"b":["ü"]}}'), 100)).toEqual({ a: { b: ['ü'] } })
    expect(await readJson(sized(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d])), 100)).toEqual({})
  })

  test.each([
    ['[]', 'The body must be a JSON object'],
    ['1', 'The body must be a JSON object'],
    ['null', 'The body must be a JSON object'],
    ['', 'The body is not JSON in UTF-8'],
    ['{"a":1,}', 'The body is not JSON in UTF-8'],
    ["{'a':1}", 'The body is not JSON in UTF-8'],
    [Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]), 'The body is not JSON in UTF-8'],
    [Buffer.from('{"a":1}', 'utf16le'), 'The body is not JSON in UTF-8'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'The body is nested deeper than 64'],
  ])('refuses %p', async (body, message) => {
    await expect(readJson(sized(body), 1000)).rejects.toMatchObject({ code: 'invalid', message, members: { path: '' } })
  })

  test.each([
    ['{"__proto__":{"admin":true}}', '/__proto__'],
    ['{"a":[{"b/c":{"constructor":1}}]}', '/a/0/b~1c/constructor'],
    ['{"a":{"prototype":1}}', '/a/prototype'],
    ['{"\\u005f_pr\\u006fto__":1}', '/__proto__'],
  ])('a member that means something to the language is refused: %s', async (text, path) => {
    await expect(readJson(sized(text), 100)).rejects.toMatchObject({ code: 'invalid', members: { path } })
  })

  test('a text may say what it likes', async () => {
    const text = '{"body":"the constructor of __proto__ \\u005f"}'
    expect(await readJson(sized(text), 100)).toEqual({ body: 'the constructor of __proto__ _' })
  })
})

describe('knownBody()', () => {
  test('may be left out: none at all, one of length 0, or sent in pieces of which there are none', async () => {
    expect(await knownBody(new Request(URL, { method: 'POST' }), [])).toEqual({})
    expect(await knownBody(sized(''), [])).toEqual({})
    expect(await knownBody(chunked(''), [])).toEqual({})
    expect(await knownBody(chunked('{"upto":', '"x"}'), ['upto'])).toEqual({ upto: 'x' })
  })

  test('is no body of spaces', async () => {
    await expect(knownBody(chunked(' '), [])).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('pointerTo()', () => {
  test.each([
    ['to', '/to'],
    ['a/b', '/a~1b'],
    ['a~b', '/a~0b'],
    ['x'.repeat(99), `/${'x'.repeat(50)}`],
  ])('%p is %p', (name, pointer) => {
    expect(pointerTo(name)).toBe(pointer)
  })
})
