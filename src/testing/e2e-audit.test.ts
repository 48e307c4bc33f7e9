import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OPERATIONS } from '../http/api-operations.ts'
import { AUDITED_READS, NOTHING_PERSONAL } from '../http/audited-reads.ts'
import { auditCommand } from '../run/audit.ts'
import { checkAuditChain } from '../run/doctor/audit.ts'
import { askRunningHouse } from '../run/running-house.ts'
import { Db } from '../storage/database.ts'
import { TestGateway, until } from './test-gateway.ts'

setDefaultTimeout(20_000)

const ANNA = '+12025550131'
let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
  await house.write(ANNA, 'the kettle is broken')
})
afterAll(() => house.close())

// biome-ignore lint/suspicious/noExplicitAny: entries, whose shape is what tests look at
async function audit(query = ''): Promise<any[]> {
  return (await house.api(`/api/v1/audit?limit=200${query}`)).body.items
}

/** The newest entry of an action, once it is there: looks come half a second later. */
async function entryOf(action: string) {
  return await until(`an entry ${action}`, async () => (await audit(`&action=${action}`))[0])
}

async function run(operand: string, options: Record<string, string | boolean> = {}) {
  const lines: string[] = []
  const print = (line: string) => void lines.push(line)
  const loadConfig = () => ({ ok: true as const, config: house.config() })
  const code = await auditCommand({ operand, options, loadConfig, print, complain: print })
  return { code, text: lines.join('\n') }
}

test('every operation that reads says so in the audit, or shows nothing personal', () => {
  const apart = /^\/api\/(auth|openapi|asyncapi|docs)/
  const reads = OPERATIONS.filter(({ key, method, path }) => key === 'always' && method === 'get' && !apart.test(path))
  const known = new Set([...Object.keys(AUDITED_READS), ...NOTHING_PERSONAL])
  const missing = reads
    .map(({ path }) => `GET ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
    .filter((name) => !known.has(name))
  expect(missing).toEqual([])
})

describe('the audit', () => {
  async function tellsOfLooks() {
    const conversation = await house.conversationOf(ANNA)
    const contact = conversation.contact.id
    await house.api(`/api/v1/contacts/${contact}`)
    await house.api(`/api/v1/conversations/${conversation.id}/messages`)
    await house.api('/api/v1/search', { q: 'kettle' })
    await house.api('/api/v1/contacts/lookup', { phone: ANNA })
    expect(await entryOf('contact.open')).toMatchObject({ object: contact, outcome: 'done', actor: { by: 'api_key' } })
    expect(await entryOf('conversation.open')).toMatchObject({ object: conversation.id })
    const search = await entryOf('search.run')
    expect(search).toMatchObject({ object: null, detail: { q_hash: expect.stringMatching(/^[0-9a-f]{64}$/) } })
    await house.api('/api/v1/search', { q: 'kettle', conversation_id: conversation.id })
    const within = async () => (await audit(`&action=search.run&object=${conversation.id}`))[0]
    expect(await until('the search in the conversation', within)).toMatchObject({ detail: { q: 'kettle' } })
    expect(await entryOf('contact.look_up')).toMatchObject({ object: contact, detail: { phone: ANNA } })
    expect(await entryOf('audit.read')).toMatchObject({ object: null })
    expect(await audit(`&object=${contact}`)).toHaveLength(2)
    expect(readFileSync(join(house.config().dataDir, 'records.db')).includes('kettle')).toBe(false)
  }

  async function tellsTheSameLookOnce() {
    const conversation = await house.conversationOf(ANNA)
    for (let index = 0; index < 5; index++) await house.api(`/api/v1/conversations/${conversation.id}`)
    await entryOf('conversation.open')
    const entries = await audit(`&object=${conversation.id}&action=conversation.open`)
    // A minute may end in between.
    expect(entries.length).toBeLessThanOrEqual(2)
  }

  test('tells of acts in their own commit, of commands, and of who was not let in', async () => {
    const { body } = await house.api('/api/v1/keys', { name: 'an agent', role: 'agent' })
    expect((await audit('&action=api_key.add'))[0]).toMatchObject({ object: body.id, outcome: 'done' })
    const refused = await house.ask('GET', '/api/v1/audit', undefined, body.key)
    expect(refused.status).toBe(403)
    const refusal = await entryOf('access.refuse')
    expect(refusal).toMatchObject({ object: '/api/v1/audit', outcome: 'forbidden', actor: { id: body.actor } })
    expect(await audit(`&actor=${body.actor}`)).toHaveLength(1)
    await askRunningHouse(house.config(), 'search/rebuild', {})
    expect((await audit('&action=search.rebuild'))[0]).toMatchObject({ actor: { id: 'command line', by: 'command' } })
  })

  test('refuses filters that are none', async () => {
    for (const query of ['from=yesterday', 'action=', 'cursor=!', 'actor=a&actor=b']) {
      expect((await house.api(`/api/v1/audit?${query}`)).status).toBe(400)
    }
    expect(await audit('&from=2999-01-01T00:00:00Z')).toEqual([])
    expect(await audit('&to=2000-01-01T00:00:00Z')).toEqual([])
  })

  async function isWhole() {
    const file = join(house.folder, 'kept-roots')
    const before = await run('verify')
    expect(before).toMatchObject({ code: 0, text: expect.stringContaining('whole') })
    const given = await run('roots', { to: file })
    const key = /Public key: (\S+)/.exec(given.text)?.[1] ?? ''
    expect(given).toMatchObject({ code: 0, text: expect.stringContaining('1 roots added') })
    const signatures = () => run('signatures', { roots: file, 'public-key': key })
    expect(await signatures()).toMatchObject({ code: 0, text: expect.stringContaining('1 roots are signed') })
    const kept = readFileSync(file, 'utf8')
    writeFileSync(file, kept.replace(/"seq":\d+/, '"seq":1'))
    expect(await signatures()).toMatchObject({ code: 1, text: expect.stringContaining('row 1') })
    writeFileSync(file, kept)
    const { contact } = await house.conversationOf(ANNA)
    await house.ask('DELETE', `/api/v1/contacts/${contact.id}`)
    await until('the erasure', async () => {
      const { items } = (await house.api('/api/v1/erasures')).body
      return items[0]?.state === 'done'
    })
    expect((await audit('&action=contact.look_up'))[0]).toMatchObject({ detail: null, erased: true })
    expect((await audit('&action=erasure.begin'))[0]).toMatchObject({ object: contact.id })
    const verified = await run('verify', { roots: file, json: true })
    expect(verified.code).toBe(0)
    expect(JSON.parse(verified.text)).toMatchObject({ ok: true, roots: 1, fault: null })
    expect(await checkAuditChain(house.config())).toMatchObject({ id: 'audit.chain', level: 'ok' })
    const { body } = await house.request('/metrics')
    expect(body).toContain('gatehouse_audit_rows_total{action="contact.open"}')
    expect(body).toContain('gatehouse_audit_chain_ok 1')
  }

  async function saysWhere() {
    const database = new Db(join(house.config().dataDir, 'records.db'))
    const row = database.one<{ actor: string }>('SELECT actor FROM audit WHERE seq = 3 AND workspace_id > 0')
    database.script('DROP TRIGGER audit_rows_hold')
    database.run("UPDATE audit SET actor = 'nobody' WHERE seq = 3 AND workspace_id > 0")
    expect(await run('verify')).toMatchObject({ code: 1, text: expect.stringContaining('First at row 3: altered') })
    expect(await checkAuditChain(house.config())).toMatchObject({ level: 'fail' })
    // The tests may come in any order.
    database.run('UPDATE audit SET actor = ?1 WHERE seq = 3 AND workspace_id > 0', row?.actor ?? '')
    expect(await run('verify')).toMatchObject({ code: 0 })
    database.close()
    const file = join(house.folder, 'bad-roots')
    writeFileSync(file, 'no root\n')
    expect(await run('verify', { roots: file })).toMatchObject({ code: 1, text: expect.stringContaining('Line 1') })
    expect(await run('verify', { to: file })).toMatchObject({ code: 2 })
    expect(await run('roots')).toMatchObject({ code: 2 })
    expect(await run('signatures', { roots: file })).toMatchObject({ code: 2 })
  }

  // One after the other on one house: what is erased, or changed, is not told any more.
  test('tells of looks and what is personal of them, is whole after an erasure, and says where it was changed', async () => {
    await tellsOfLooks()
    await tellsTheSameLookOnce()
    await isWhole()
    await saysWhere()
  }, 30_000)
})
