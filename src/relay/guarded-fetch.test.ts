import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { GuardedFetch, type GuardOptions, isPrivateAddress } from './guarded-fetch.ts'

let server: Bun.Server<undefined>
let other: Bun.Server<undefined>
const asked: string[] = []

beforeAll(() => {
  const answer = (request: Request) => {
    asked.push(`${new URL(request.url).pathname} ${request.headers.get('authorization')}`)
    if (request.url.endsWith('/away')) return Response.redirect(`http://127.0.0.1:${other.port}/stolen`)
    return new Response('here')
  }
  server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
  other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
})
afterAll(async () => {
  await server.stop(true)
  await other.stop(true)
})

function guard(more: Partial<GuardOptions> = {}): GuardedFetch {
  return new GuardedFetch({
    trustedUrl: () => `http://127.0.0.1:${server.port}/graph`,
    allowed: () => ({ hosts: ['files.example.test'], allowPrivate: [] }),
    resolve: async () => ['127.0.0.1'],
    refused: () => {},
    ...more,
  })
}

async function refusalOf(address: string, more: Partial<GuardOptions> = {}): Promise<string> {
  asked.length = 0
  const request = { headers: { authorization: 'Bearer token' }, signal: AbortSignal.timeout(2000) }
  const outcome = await guard(more)
    .get(address, request)
    .then(
      (response) => `answered ${response.status}`,
      (error: { reason?: string; name: string }) => error.reason ?? error.name,
    )
  return outcome
}

describe('GuardedFetch', () => {
  test("fetches from the platform's own address, wherever that is", async () => {
    expect(await refusalOf(`http://127.0.0.1:${server.port}/file?x=1`)).toBe('answered 200')
    expect(asked).toEqual(['/file Bearer token'])
  })

  test('follows nowhere, and takes the token nowhere', async () => {
    expect(await refusalOf(`http://127.0.0.1:${server.port}/away`)).toBe('redirected')
    expect(asked).toEqual(['/away Bearer token'])
  })

  test.each([
    ['another port of the same machine', () => `http://127.0.0.1:${other.port}/`, 'host_not_allowed'],
    ['another host', () => 'https://evil.example.test/', 'host_not_allowed'],
    ['an allowed host without TLS', () => 'http://files.example.test/', 'host_not_allowed'],
    ['an allowed host at another port', () => 'https://files.example.test:8443/', 'host_not_allowed'],
    ['an allowed host with a dot at its end', () => 'https://files.example.test./', 'host_not_allowed'],
    ['a host that begins like an allowed one', () => 'https://files.example.test.evil.test/', 'host_not_allowed'],
    ['a part of an allowed host', () => 'https://example.test/', 'host_not_allowed'],
    ['a user before the host', () => 'https://files.example.test@evil.example.test/', 'url_malformed'],
    ['a user before an allowed host', () => 'https://a:b@files.example.test/', 'url_malformed'],
    ['a backslash before another host', () => 'https://evil.test\\@files.example.test/', 'host_not_allowed'],
    ['an address of this machine', () => 'https://127.0.0.1/', 'host_not_allowed'],
    ['the same as a number', () => 'https://2130706433/', 'host_not_allowed'],
    ['the same in octal', () => 'https://0177.0.0.1/', 'host_not_allowed'],
    ['the same in hexadecimal', () => 'https://0x7f.1/', 'host_not_allowed'],
    ['the metadata of a cloud', () => 'http://169.254.169.254/latest/', 'host_not_allowed'],
    ['an address of IPv6', () => 'https://[::1]/', 'host_not_allowed'],
    ['a file', () => 'file:///etc/passwd', 'host_not_allowed'],
    ['data', () => 'data:text/plain,x', 'host_not_allowed'],
    ['no address at all', () => 'files.example.test', 'url_malformed'],
    ['nothing', () => '', 'url_malformed'],
  ])('refuses %s before anything is sent', async (_, address, reason) => {
    expect(await refusalOf(address())).toBe(reason)
    expect(asked).toEqual([])
  })

  test.each([
    [['127.0.0.1']],
    [['10.1.2.3']],
    [['203.0.113.7']],
    [['93.184.216.34', '10.0.0.1']],
    [['::1']],
    [['fd00::1']],
    [['fe80::1']],
    [['::ffff:127.0.0.1']],
    [['64:ff9b::7f00:1']],
    [['2002:7f00:1::']],
  ])('refuses an allowed name that leads to %p', async (addresses) => {
    expect(await refusalOf('https://files.example.test/', { resolve: async () => addresses })).toBe('address_private')
  })

  test('goes to a private address where the operator allows its network, and only there', async () => {
    const allowed = () => ({ hosts: ['files.example.test'], allowPrivate: ['127.0.0.0/8'] })
    // Nobody speaks TLS there: it was tried, and that is what failed.
    expect(await refusalOf('https://files.example.test/', { allowed })).not.toBe('address_private')
    const elsewhere = { allowed, resolve: async () => ['10.0.0.1'] }
    expect(await refusalOf('https://files.example.test/', elsewhere)).toBe('address_private')
  })

  test('a name without an address is no refusal: it may have one later', async () => {
    expect(await refusalOf('https://files.example.test/', { resolve: async () => [] })).toBe('Error')
  })
})

test.each(['8.8.8.8', '93.184.216.34', '2a00:1450:4001:800::200e', '2606:4700::1111'])('%s is open', (address) => {
  expect(isPrivateAddress(address)).toBe(false)
})
