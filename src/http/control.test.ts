import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import { silentLog } from '../core/log.ts'
import type { ReplayAsk } from '../relay/replay.ts'
import { CONTROL_SOCKET, type ControlCommand, startControl } from './control.ts'
import { readErase, readKey, readReplay } from './control-asks.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-control-'))
const unix = join(folder, CONTROL_SOCKET)
const asked: ReplayAsk[] = []
const commands: Record<string, ControlCommand> = {
  replay: async (body) => {
    const ask = readReplay(body)
    asked.push(ask)
    if (ask.kind === 'range' && ask.from === 13) throw new Error('The journal does not hold entry 13 any more')
    return { replayed: 5 }
  },
  erase: async (body) => {
    const who = readErase(body)
    if ('contact' in who) throw new Failure('not_found', 'No such contact')
    return { id: 'ers_1', phone: who.phone }
  },
  'master-key': async (body) => {
    if (readKey(body)[0] === 0) throw new Failure('conflict', 'the new one is the one that is in force')
    return { changed: true }
  },
  'search/rebuild': async () => ({ rebuilding: true }),
}
let control: Awaited<ReturnType<typeof startControl>>

beforeAll(async () => {
  control = await startControl({ folder, log: silentLog, commands })
})
afterAll(async () => {
  await control.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function command(path: string, body: unknown, method = 'POST') {
  const init = method === 'GET' ? { method } : { method, body: JSON.stringify(body) }
  const response = await fetch(`http://house${path}`, { unix, ...init } as BunFetchRequestInit)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('the control socket', () => {
  test('is for its owner only', () => {
    expect(statSync(unix).mode & 0o777).toBe(0o600)
  })

  test.each<[ReplayAsk]>([[{ kind: 'quarantine' }], [{ kind: 'range', from: 1, to: 9 }]])('replays %j', async (ask) => {
    expect(await command('/replay', ask)).toEqual({ status: 200, body: { replayed: 5 } })
    expect(asked.at(-1)).toEqual(ask)
  })

  test('says in its own words why a replay failed', async () => {
    const { status, body } = await command('/replay', { kind: 'range', from: 13, to: 14 })
    expect({ status, detail: body['detail'] }).toEqual({
      status: 500,
      detail: 'The journal does not hold entry 13 any more',
    })
  })

  test.each([
    ['/replay', { kind: 'range', from: 0, to: 4 }, 'POST', 400],
    ['/replay', { kind: 'range', from: 1.5, to: 4 }, 'POST', 400],
    ['/replay', { kind: 'range', from: '1', to: 4 }, 'POST', 400],
    ['/replay', { kind: 'everything' }, 'POST', 400],
    ['/replay', null, 'GET', 404],
    ['/burn', {}, 'POST', 404],
  ])('refuses %s with %j (%s)', async (path, body, method, status) => {
    const before = asked.length
    expect((await command(path, body, method)).status).toBe(status)
    expect(asked).toHaveLength(before)
  })

  test.each([
    ['erase', { phone: '+15550100' }, 200, { id: 'ers_1', phone: '+15550100' }],
    ['erase', { contact: 'con_1' }, 404, { detail: 'No such contact' }],
    ['erase', {}, 400, { code: 'invalid' }],
    ['erase', { phone: '+15550100', contact: 'con_1' }, 400, { code: 'invalid' }],
    ['master-key', { key: 'ab'.repeat(32) }, 200, { changed: true }],
    ['master-key', { key: '00'.repeat(32) }, 409, { code: 'conflict' }],
    ['master-key', { key: 'ab' }, 400, { code: 'invalid' }],
    ['search/rebuild', {}, 200, { rebuilding: true }],
    ['constructor', {}, 404, { code: 'not_found' }],
  ])('answers %s with %j: %d', async (path, body, status, members) => {
    const answer = await command(`/${path}`, body)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject(members)
  })

  test('is taken over from a process that was killed, and gone after a stop', async () => {
    const other = mkdtempSync(join(tmpdir(), 'gatehouse-control-'))
    await Bun.write(join(other, CONTROL_SOCKET), 'left over')
    const { stop } = await startControl({ folder: other, log: silentLog, commands })
    expect(statSync(join(other, CONTROL_SOCKET)).isSocket()).toBe(true)
    await stop()
    expect(await Bun.file(join(other, CONTROL_SOCKET)).exists()).toBe(false)
    rmSync(other, { recursive: true, force: true })
  })

  test('is left out where the path is longer than a socket’s may be, which is said in the log', async () => {
    const warnings: string[] = []
    const log = { ...silentLog, warn: (phrase: string) => void warnings.push(phrase) }
    const { stop } = await startControl({ folder: `/${'x'.repeat(120)}`, log, commands })
    await stop()
    expect(warnings).toHaveLength(1)
  })
})
