import { describe, expect, test } from 'bun:test'
import { Proxies } from './proxies.ts'

const proxies = new Proxies({
  url: 'http://one.example:3128',
  ofAccount: new Map([
    ['1', 'http://two.example:3128'],
    ['2', null],
  ]),
  noProxy: ['internal.example', '10.0.0.0/8', '::1/128'],
})

describe('the proxy of a request', () => {
  test.each([
    ['of a number without its own', '0', 'https://graph.facebook.com/v25.0/0/messages', 'http://one.example:3128'],
    ['of a number with its own', '1', 'https://graph.facebook.com/v25.0/1/messages', 'http://two.example:3128'],
    ['of a number with none', '2', 'https://graph.facebook.com/v25.0/2/messages', undefined],
    ['to a host that needs none', '0', 'https://internal.example/', undefined],
    ['to one below it', '1', 'https://files.internal.example:8443/x', undefined],
    ['to one that only ends like it', '0', 'https://notinternal.example/', 'http://one.example:3128'],
    ['to an address in a network that needs none', '0', 'http://10.2.3.4:8090/', undefined],
    ['to the same in version 6', '0', 'http://[::1]:8090/', undefined],
    ['to another address', '0', 'http://11.2.3.4/', 'http://one.example:3128'],
  ])('%s', (_, account, address, expected) => {
    expect(proxies.proxyFor(account, address)).toBe(expected)
  })

  test('is none where none is configured', async () => {
    const none = new Proxies({ url: null, ofAccount: new Map(), noProxy: [] })
    expect(none.proxyFor('0', 'https://graph.facebook.com/')).toBeUndefined()
  })
})
