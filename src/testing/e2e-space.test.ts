import { afterAll, beforeAll, expect, test } from 'bun:test'
import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askRunningHouse } from '../run/running-house.ts'
import { TestGateway, until } from './test-gateway.ts'

const disk = mkdtempSync(join(tmpdir(), 'gatehouse-disk-'))
const runs = (...command: string[]) => Bun.spawnSync(command, { stderr: 'ignore' }).exitCode === 0
const isMounted = runs('mount', '-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', disk)

let house: TestGateway

beforeAll(async () => {
  if (!isMounted) return
  house = await TestGateway.open({ place: disk })
  await ballastIsThere()
})

afterAll(async () => {
  if (!isMounted) return
  await house.close()
  runs('umount', disk)
  rmSync(disk, { recursive: true })
})

const inFolder = (name: string) => join(house.config().dataDir, name)
/** The house looks at its disk every few seconds; asked how it is, it looks now. */
const look = () => askRunningHouse(house.config(), 'doctor', {})

/** It is made in the first seconds; what a test does with a full disk needs it. */
async function ballastIsThere(): Promise<void> {
  await until('the ballast is made', async () => {
    await look()
    return existsSync(inFolder('ballast')) && statSync(inFolder('ballast')).size === 16 * 1024 * 1024
  })
}

/** Writes until not a byte more goes in. */
function fillDisk(): void {
  for (const size of [1024 * 1024, 4096, 1]) {
    const piece = 'x'.repeat(size)
    for (;;) {
      try {
        appendFileSync(join(disk, 'filler'), piece)
      } catch {
        break
      }
    }
  }
}

test.skipIf(!isMounted)(
  'on a full disk nothing new is taken, erasure still works, and with space again all goes on (needs root, to mount one)',
  async () => {
    await house.write('+4915100000001', 'before')
    const { contact } = await house.conversationOf('+4915100000001')
    await look()
    expect(statSync(inFolder('ballast')).size).toBe(16 * 1024 * 1024)

    fillDisk()
    await until('a red light', async () => {
      await look()
      return (await house.request('/readyz')).status === 503
    })
    expect((await house.request('/readyz')).body.checks).toMatchObject({ serving: true, space: false })
    expect(statSync(inFolder('ballast')).size).toBe(0)
    expect((await house.webhook('{"object":"whatsapp_business_account","entry":[]}')).status).toBe(503)
    const send = { to: '+4915100000001', from: { pool: 'support' }, type: 'text', text: { body: 'x' } }
    expect((await house.api('/api/v1/messages', send)).status).toBe(503)

    const erased = await house.ask('DELETE', `/api/v1/contacts/${contact.id}`)
    expect(erased.status).toBe(202)
    await until('the erasure is done', async () => {
      const { body } = await house.api(`/api/v1/erasures/${erased.body.id}`)
      return body.state === 'done'
    })
    await look()
    expect((await house.request('/readyz')).status).toBe(503)

    rmSync(join(disk, 'filler'))
    await look()
    expect((await house.request('/readyz')).status).toBe(200)
    expect(statSync(inFolder('ballast')).size).toBe(16 * 1024 * 1024)
    await house.write('+4915100000002', 'afterwards')
    await house.conversationOf('+4915100000002')
    await until('the word index goes on', async () => {
      const { body } = await house.api('/api/v1/search', { q: 'afterwards' })
      return body.items?.length === 1
    })
    expect(house.fatal).toEqual([])
  },
  20_000,
)

test.skipIf(!isMounted)(
  'starts on a full disk, and takes webhooks once there is space (needs root, to mount one)',
  async () => {
    await ballastIsThere()
    await house.stop()
    fillDisk()
    await house.start()
    expect((await house.request('/readyz')).status).toBe(503)
    rmSync(join(disk, 'filler'))
    await look()
    expect((await house.request('/readyz')).status).toBe(200)
    await house.write('+4915100000003', 'after a start')
    expect(house.fatal).toEqual([])
  },
  20_000,
)

test.skipIf(!isMounted)(
  'with a full disk behind the files alone everything but files goes on (needs root, to mount one)',
  async () => {
    await house.stop()
    const place = inFolder('media')
    expect(runs('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place)).toBeTrue()
    try {
      await house.start()
      const bytes = new Uint8Array(400_000).fill(65)
      const uploaded = await fetch(`${house.simulatorUrl}/_/media`, {
        method: 'POST',
        body: bytes,
        headers: { 'Content-Type': 'application/pdf' },
      })
      const { id } = (await uploaded.json()) as { id: string }
      const message = { type: 'document', document: { id, filename: 'a.pdf' } }
      await house.simulator('/_/customers/+4915100000004/messages?wait=1', { number: 'support', message })
      await until('the file is put off', () => house.lines.some((line) => line.includes('"disk_full"')))
      expect((await house.request('/readyz')).status).toBe(200)
      await house.write('+4915100000004', 'words still come')
      expect(house.fatal).toEqual([])
    } finally {
      await house.stop()
      runs('umount', place)
      await house.start()
    }
  },
  20_000,
)
