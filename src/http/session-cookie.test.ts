import { describe, expect, test } from 'bun:test'
import { deviceOf } from './device.ts'
import { Cookies, requireOwnPage } from './session-cookie.ts'

const OWN = ['https://desk.example.com']

function request(headers: Record<string, string>, method = 'POST'): Request {
  return new Request('https://desk.example.com/api/v1/keys', { method, headers })
}

describe('Cookies', () => {
  const secure = new Cookies(() => true)
  const plain = new Cookies(() => false)

  test('belong to this host alone where browsers come over TLS', () => {
    expect(secure.set('session', 'x', 60)).toBe(
      '__Host-gatehouse=x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60',
    )
    expect(plain.set('session', 'x', 60)).toBe('gatehouse=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=60')
    expect(secure.clear('step')).toContain('Max-Age=0')
  })

  test.each([
    ['__Host-gatehouse=a', 'a'],
    ['b=1; __Host-gatehouse=a; c=2', 'a'],
    ['__Host-gatehouse=', ''],
    ['gatehouse=a', null],
    ['__Host-gatehouse=a; __Host-gatehouse=b', null],
    ['__Host-gatehouse-step=a', null],
    ['__Host-gatehouse', null],
    ['', null],
  ])('read from %p are %p', (cookie, expected) => {
    expect(secure.read(request({ cookie }), 'session')).toBe(expected)
  })
})

describe('requireOwnPage()', () => {
  const json = { 'content-type': 'application/json', 'content-length': '2' }
  test.each([
    [{ origin: 'https://desk.example.com', 'sec-fetch-site': 'same-origin', ...json }],
    [{ origin: 'https://desk.example.com', ...json }],
    [{ 'sec-fetch-site': 'same-origin', ...json, 'content-type': 'application/json; charset=utf-8' }],
    [{ 'sec-fetch-site': 'same-origin', ...json, 'content-type': 'text/csv' }],
    [{ origin: 'https://desk.example.com' }],
  ])('lets %j pass', (headers) => {
    expect(() => requireOwnPage(request(headers), OWN)).not.toThrow()
  })

  test.each([
    [{}],
    [json],
    [{ origin: '', ...json }],
    [{ origin: 'null', ...json }],
    [{ origin: 'https://desk.example.com.evil.example', ...json }],
    [{ origin: 'http://desk.example.com', ...json }],
    [{ origin: 'https://desk.example.com', 'sec-fetch-site': 'same-site', ...json }],
    [{ 'sec-fetch-site': 'none', ...json }],
    [{ 'sec-fetch-site': '', ...json }],
    [{ origin: 'https://desk.example.com', 'content-type': 'text/plain' }],
    [{ origin: 'https://desk.example.com', 'content-type': 'application/jsonp' }],
    [{ origin: 'https://desk.example.com', 'content-length': '2' }],
    [{ origin: 'https://desk.example.com', 'transfer-encoding': 'chunked' }],
  ])('refuses %j', (headers: Record<string, string>) => {
    for (const method of ['POST', 'DELETE', 'PATCH', 'PUT'])
      expect(() => requireOwnPage(request(headers, method), OWN)).toThrow(
        expect.objectContaining({ code: 'forbidden' }),
      )
  })

  test('asks nothing of what only reads, and knows no page where there is none', () => {
    expect(() => requireOwnPage(request({}, 'GET'), OWN)).not.toThrow()
    expect(() => requireOwnPage(request({ origin: 'https://desk.example.com', ...json }), [])).toThrow()
  })
})

test.each([
  [null, 'Another program'],
  ['curl/8.0', 'Another program'],
  ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140', 'Edge on Windows'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605 Version/18 Safari/605', 'Safari on macOS'],
  ['Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 Chrome/140 Mobile Safari/537', 'Chrome on Android'],
  ['<script>alert(1)</script>', 'Another program'],
])('%p is called %p', (userAgent, device) => {
  expect(deviceOf(userAgent)).toBe(device)
})
