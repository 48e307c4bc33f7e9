import { describe, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { silentLog } from '../core/log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { apiRoutes } from './api.ts'
import { documentationRoutes } from './documentation.ts'
import { serverApp, startServer } from './server.ts'
import { webhookRoutes } from './webhooks.ts'

/** Where the method is not taken no dependency is touched. */
const nothing = {} as never

describe('a stop', () => {
  function serving(handle: () => Promise<Response>) {
    const clock = new FakeClock()
    const routes = [new Elysia().get('/slow', handle) as unknown as Elysia]
    const options = { hostname: '127.0.0.1', port: 0, routes, realtime: nothing, clock, log: silentLog }
    const server = startServer({ ...options, publicUrl: () => undefined })
    return { clock, server, url: `http://127.0.0.1:${server.port}/slow` }
  }

  test('answers what is under way, and takes no more', async () => {
    const begun = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<Response>()
    const { server, url } = serving(() => {
      begun.resolve()
      return answer.promise
    })
    const asked = fetch(url)
    await begun.promise
    const stopped = server.stop()
    await expect(fetch(url)).rejects.toThrow()
    answer.resolve(new Response('done'))
    expect(await (await asked).text()).toBe('done')
    await stopped
  })

  test('waits no longer than a second for who does not come to an end', async () => {
    const begun = Promise.withResolvers<void>()
    const { clock, server, url } = serving(() => {
      begun.resolve()
      return new Promise(() => {})
    })
    const asked = fetch(url).catch(() => 'cut off')
    await begun.promise
    const stopped = server.stop()
    clock.advance(1000)
    await stopped
    expect(await asked).toBe('cut off')
  })
})

describe('a method that an address does not take', () => {
  const app = serverApp({
    routes: [webhookRoutes(nothing), apiRoutes(nothing), documentationRoutes('1.2.3', () => 'https://desk.example')],
    realtime: nothing,
    log: silentLog,
    publicUrl: () => undefined,
  })

  test.each([
    ['DELETE', '/api/v1/messages', 'POST'],
    ['HEAD', '/api/v1/messages', 'POST'],
    ['PATCH', '/api/v1/conversations?limit=1', 'GET, HEAD'],
    ['PUT', '/api/v1/contacts/con_1', 'GET, HEAD, PATCH'],
    ['PUT', '/api/v1/contacts/con_1/', 'GET, HEAD, PATCH'],
    ['OPTIONS', '/api/v1/me', 'GET, HEAD'],
    ['PUT', '/webhooks/whatsapp/main', 'GET, HEAD, POST'],
    ['POST', '/realtime', 'GET, HEAD'],
    ['POST', '/api/openapi.json', 'GET, HEAD'],
  ])('%s %s: it takes %s', async (method, path, allow) => {
    const answer = await app.handle(new Request(`http://localhost${path}`, { method }))
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({ status: 405, allow })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toEqual({
      type: '/api/docs#method_not_allowed',
      title: 'method not allowed',
      status: 405,
      code: 'method_not_allowed',
      detail: `This address takes ${allow}`,
      allow: allow.split(', '),
    })
  })

  test.each([
    ['POST', '/nothing'],
    ['DELETE', '/api/v1'],
    ['POST', '/webhooks/whatsapp/main/more'],
    ['PUT', '/webhooks/whatsapp/'],
  ])('nothing is at %s %s', async (method, path) => {
    const answer = await app.handle(new Request(`http://localhost${path}`, { method }))
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({ status: 404, allow: null })
    expect(await answer.json()).toMatchObject({ code: 'not_found' })
  })
})
