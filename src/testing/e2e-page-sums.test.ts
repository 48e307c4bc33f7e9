import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { lookOver } from '../relay/look-over.ts'
import { examine } from '../run/doctor/doctor.ts'
import { askRunningHouse } from '../run/running-house.ts'
import { backupsIn } from '../storage/backup-manifest.ts'
import { TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(30_000)

const PAGE_BYTES = 4096
const place = mkdtempSync(join(tmpdir(), 'gatehouse-page-sums-'))
const folder = join(place, 'backups')
let house: TestGateway
let records = ''

beforeAll(async () => {
  house = await TestGateway.open({
    config: `
[backup]
folder = "${folder}"
vault_folder = "${join(place, 'vaults')}"
`,
  })
  records = join(house.config().dataDir, 'records.db')
})
afterAll(async () => {
  await house.close()
  rmSync(place, { recursive: true, force: true })
})

async function finding(id: string): Promise<unknown> {
  const findings = await examine({ loadConfig: () => ({ ok: true, config: house.config() }) })
  const found = findings.find((one) => one.id === id)
  return found && { level: found.level, what: found.what }
}

/** Changes one letter of what is not sealed, so that nothing but the page's sum can tell. Says in which page. */
function damage(text: string): number {
  const at = readFileSync(records).lastIndexOf(text)
  const file = openSync(records, 'r+')
  writeSync(file, 'X', at)
  closeSync(file)
  return Math.floor(at / PAGE_BYTES) + 1
}

test('one letter of a plain cell that changes on the disk is told by the doctor, the watch and the backup', async () => {
  for (let count = 0; count < 20; count++) await house.write('+4915112345678', `a message ${count}`)
  await house.conversationOf('+4915112345678')
  await askRunningHouse(house.config(), 'backup', {})
  expect(await finding('records.sums')).toMatchObject({ level: 'ok', what: 'records.db is what was written' })
  await house.stop()
  const name = damage('supervisor')
  const what = expect.stringContaining(`1 page is not what was written (${name})`)
  expect(await finding('records.sums')).toMatchObject({ level: 'fail', what })
  expect(await finding('records.pages')).toMatchObject({ level: 'ok' })

  await house.start()
  expect((await fetch(`${house.url}/readyz`)).status).toBe(200)
  // A start may write the page anew: it has looked before.
  await until('the figure is there', async () => (await house.metric('gatehouse_records_damaged_pages')) === 1)
  expect(await finding('records.sums')).toMatchObject({ level: 'fail' })

  const page = damage('whose key seals it')
  const { damaged } = await lookOver({ path: records, from: 0, restShare: 0 }, systemClock)
  expect(damaged).toContain(page)
  await expect(askRunningHouse(house.config(), 'backup', {})).rejects.toThrow('records.db is damaged: ')
  expect(backupsIn(folder).length).toBe(1)
})
