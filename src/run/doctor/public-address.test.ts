import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS, systemClock } from '../../core/clock.ts'
import { Proxies } from '../../relay/proxies.ts'
import type { Checkup } from './folder-checks.ts'
import { checkPublic } from './network-checks.ts'
import { checkPublicAddress, readCertificate } from './public-address.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-doctor-address-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the public address', () => {
  const ask = { publicUrl: 'https://chat.example.com', app: { id: 'main', verifyToken: 'token' } }
  const answers = (version: string, challenge: string) => async (url: string) =>
    new Response(url.endsWith('/version') ? version : challenge)

  test.each([
    ['this house', answers('{"name":"gatehouse"}', 'abc'), 'ok'],
    ['another house', answers('{"name":"gatehouse"}', 'no'), 'fail'],
    ['something else', answers('<html>', 'abc'), 'fail'],
    ['nobody', () => Promise.reject(new Error('x')), 'warn'],
  ] as const)('with %s behind it', async (_, fetch, level) => {
    expect(await checkPublicAddress(ask, fetch, 'abc')).toMatchObject({ id: 'public_url', level })
  })

  test('of a house without an app is known by its version', async () => {
    const found = await checkPublicAddress({ ...ask, app: null }, answers('{"name":"gatehouse"}', ''), 'abc')
    expect(found.level).toBe('ok')
  })
})

describe('a certificate', () => {
  const openssl = Bun.which('openssl')

  test.skipIf(openssl === null)('is read from a server, also where nobody trusts it (needs openssl)', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const ask = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '10']
    const made = Bun.spawnSync(['openssl', ...ask, '-subj', '/CN=localhost', '-keyout', key, '-out', cert])
    expect(made.exitCode).toBe(0)
    const tls = { key: Bun.file(key), cert: Bun.file(cert) }
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls, fetch: () => new Response('') })
    try {
      const found = await readCertificate(new URL(`https://127.0.0.1:${server.port}`), systemClock)
      expect(found).toMatchObject({ kind: 'found', isTrusted: false })
      const leftMs = found.kind === 'found' ? found.untilMs - systemClock.epochMs() : 0
      expect(Math.round(leftMs / DAY_MS)).toBe(10)
    } finally {
      await server.stop(true)
    }
  })

  test('of nobody is not there', async () => {
    const free = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') })
    const url = new URL(`https://127.0.0.1:${free.port}`)
    await free.stop(true)
    expect(await readCertificate(url, systemClock)).toEqual({ kind: 'unreachable', reason: 'ECONNREFUSED' })
  })
})

test('behind an outgoing proxy the certificate is not asked for past it', async () => {
  const looked = async (publicUrl: string, noProxy: string[]) => {
    const proxies = new Proxies({ url: 'http://proxy.example.com:3128', ofAccount: new Map(), noProxy })
    const checkup = { config: { http: { publicUrl } }, setup: { proxies, apps: [] }, clock: systemClock }
    const found = await checkPublic(checkup as unknown as Checkup, () => Promise.reject(new Error('not asked')), 'abc')
    return found.map(({ id, level }) => `${id} ${level}`)
  }
  expect(await looked('https://chat.example.com', [])).toEqual(['public_url.certificate ok'])
  expect(await looked('http://chat.example.com', [])).toEqual(['public_url.certificate warn'])
  // Nobody listens there.
  expect(await looked('https://127.0.0.1:1', ['127.0.0.0/8'])).toEqual(['public_url.certificate warn'])
})
