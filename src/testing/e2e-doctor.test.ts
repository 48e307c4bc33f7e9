import { afterAll, beforeAll, expect, test } from 'bun:test'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { doctorCommand, examine } from '../run/doctor/doctor.ts'
import type { Finding } from '../run/doctor/finding.ts'
import { TEST_SECRETS, TestGateway } from './test-gateway.ts'

const WABA = '102290129340398'
/** Depend on the machine that the tests run on. */
const OF_THE_MACHINE = /^(disk|limits)\./

let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
  await house.write('+4915112345678', 'canary-text-of-doctor')
  await house.conversationOf('+4915112345678')
})
afterAll(async () => house.close())

async function look(): Promise<Finding[]> {
  return await examine({ loadConfig: () => ({ ok: true, config: house.config() }) })
}

function levels(findings: readonly Finding[], id: string): string[] {
  return findings.filter((each) => each.id === id).map(({ level }) => level)
}

async function platform(method: string): Promise<void> {
  const response = await fetch(`${house.simulatorUrl}/v25.0/${WABA}/subscribed_apps`, {
    method,
    headers: { authorization: `Bearer ${TEST_SECRETS.accessToken}` },
  })
  expect(response.status).toBe(200)
}

test('a house that is well, with what its operator has left out', async () => {
  const findings = await look()
  const bad = findings
    .filter(({ id, level }) => level !== 'ok' && !OF_THE_MACHINE.test(id))
    .map(({ id, level }) => `${id} ${level}`)
  // The second app has a token that the platform does not know, and no number; nothing is backed up or public.
  expect(bad.sort()).toEqual([
    'backup warn',
    'backup.drill warn',
    'public_url warn',
    'subscription warn',
    'token fail',
    'webhooks.last warn',
  ])
  for (const id of [
    'house',
    'key.opens',
    'journal.chain',
    'journal.mark',
    'records.mark',
    'records.pages',
    'sqlite.synchronous',
    'clock',
    'numbers',
    'platform',
  ]) {
    expect([id, ...levels(findings, id)]).toContain('ok')
  }
})

test('says nothing of people and no secret', async () => {
  const text = JSON.stringify(await look())
  for (const secret of ['4915112345678', 'canary-text', ...Object.values(TEST_SECRETS), 'ab'.repeat(32)]) {
    expect(text).not.toContain(secret)
  }
})

test('notices that the app does not get the webhooks any more', async () => {
  await platform('DELETE')
  expect(levels(await look(), 'subscription')).toContain('fail')
  await platform('POST')
  expect(levels(await look(), 'subscription')).toEqual(['ok', 'warn'])
})

test('reports a wrong configuration and looks at nothing else', async () => {
  const lines: string[] = []
  const code = await doctorCommand({
    options: { json: true },
    operand: undefined,
    loadConfig: () => ({ ok: false, problems: ['gatehouse.toml: http.port: found "x"'] }),
    print: (line) => void lines.push(line),
    complain: () => {},
  })
  expect(code).toBe(1)
  expect(JSON.parse(lines.join('\n'))).toMatchObject({ ok: false, findings: [{ id: 'config', level: 'fail' }] })
})

test('looks at a folder that nobody has open, and finds what is damaged in it', async () => {
  await house.stop()
  const whole = await look()
  expect(levels(whole, 'house')).toEqual(['warn'])
  expect(levels(whole, 'journal.chain')).toEqual(['ok'])
  expect(levels(whole, 'apply.lag')).toEqual(['ok'])
  const spoilt = { ...house.config(), dataDir: mkdtempSync(join(tmpdir(), 'gatehouse-spoilt-')) }
  Bun.spawnSync(['cp', '-a', `${house.config().dataDir}/.`, spoilt.dataDir])
  // A torn end: the chain cannot be read on.
  const today = must([...new Bun.Glob('journal/*.db').scanSync(spoilt.dataDir)].at(-1), 'a day of the journal')
  const bytes = new Uint8Array(await Bun.file(join(spoilt.dataDir, today)).arrayBuffer())
  bytes.fill(7, bytes.length - 8192)
  await Bun.write(join(spoilt.dataDir, today), bytes)
  appendFileSync(join(spoilt.dataDir, 'vault.db-wal'), '')
  const found = await examine({ loadConfig: () => ({ ok: true, config: spoilt }) })
  expect(levels(found, 'journal.chain')).toEqual(['fail'])
  rmSync(spoilt.dataDir, { recursive: true, force: true })
  await house.start()
})
