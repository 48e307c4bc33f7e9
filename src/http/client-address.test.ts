import { describe, expect, test } from 'bun:test'
import { ClientAddresses } from './client-address.ts'

const PROXIES = ['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8']

function ask(peer: string, headers: Record<string, string>, url = 'http://127.0.0.1:8080/metrics') {
  return [new Request(url, { headers }), { requestIP: () => ({ address: peer }) }] as const
}

describe('the address that a request comes from', () => {
  test.each([
    ['nobody in between', '203.0.113.7', undefined, '203.0.113.7'],
    ['a claim of somebody unknown', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['through a proxy', '10.0.0.2', '198.51.100.1', '198.51.100.1'],
    ['through a proxy that adds to what the client claims', '10.0.0.2', '192.0.2.66, 198.51.100.1', '198.51.100.1'],
    ['through two proxies', '10.0.0.2', '198.51.100.1, 10.0.0.9', '198.51.100.1'],
    ['of one of the proxies itself', '10.0.0.2', '10.0.0.9', '10.0.0.9'],
    ['over IPv6', 'fd00::1', '2001:DB8::5', '2001:db8::5'],
    ['in IPv6’s clothes', '::ffff:10.0.0.2', '::ffff:198.51.100.1', '198.51.100.1'],
    ['with a port', '10.0.0.2', '198.51.100.1:52100', '198.51.100.1'],
    ['with brackets and a port', '10.0.0.2', '[2001:db8::5]:52100', '2001:db8::5'],
    ['a proxy that says nothing', '10.0.0.2', undefined, null],
    ['a proxy that says nonsense', '10.0.0.2', 'unknown', null],
    ['nonsense before a proxy', '10.0.0.2', '198.51.100.1, unknown, 10.0.0.9', null],
    ['more hops than there are', '10.0.0.2', Array(17).fill('10.0.0.9').join(','), null],
    ['nobody knows', '', '198.51.100.1', null],
  ])('%s', (_, peer, forwarded, expected) => {
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded }
    expect(new ClientAddresses(() => PROXIES).of(...ask(peer, headers))).toBe(expected)
  })
})

describe('this machine', () => {
  test.each([
    ['itself', '127.0.0.1', {}, 'http://127.0.0.1:8080/', true],
    ['itself, by name', '::1', {}, 'http://localhost:8080/', true],
    ['itself, over IPv6', '::1', {}, 'http://[::1]:8080/', true],
    ['another', '192.168.1.2', {}, 'http://127.0.0.1:8080/', false],
    ['a proxy that forwards', '127.0.0.1', { 'X-Forwarded-For': '127.0.0.1' }, 'http://127.0.0.1:8080/', false],
    ['a proxy that keeps the name', '127.0.0.1', {}, 'https://chat.example.com/', false],
    ['a page under a name that leads here', '127.0.0.1', {}, 'http://127.0.0.1.example.com:8080/', false],
  ])('%s', (_, peer, headers, url, expected) => {
    expect(new ClientAddresses(() => []).isThisMachine(...ask(peer, headers, url))).toBe(expected)
  })

  test('is not believed where a proxy of the same address was named', () => {
    const [request, peers] = ask('127.0.0.1', {})
    expect(new ClientAddresses(() => ['127.0.0.0/8']).isThisMachine(request, peers)).toBe(false)
  })
})
