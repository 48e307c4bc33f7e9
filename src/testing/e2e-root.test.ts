import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { chownSync, lchownSync, lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { FORMS } from '../relay/forms.ts'
import { takeBack } from '../relay/rollback.ts'
import { upgradeFolder } from '../storage/upgrade.ts'
import { CRASHABLE_PROGRAM } from './program.ts'
import { TestGateway, testConfigText, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(60_000)

const MASTER_HEX = 'ab'.repeat(32)
const ANNA = '+447700900331'
const NOBODY = 65_534
const IS_ROOT = process.getuid?.() === 0

let house: TestGateway
const place = (name: string) => join(house.folder, name)

afterEach(() => house?.close())

function below(path: string): string[] {
  const inside = lstatSync(path).isDirectory() ? readdirSync(path) : []
  return [path, ...inside.flatMap((name) => below(join(path, name)))]
}

/** What the user that runs the house could not change. */
function ofRoot(): string[] {
  return ['data', 'backups', 'keys'].flatMap((name) => below(place(name))).filter((path) => lstatSync(path).uid === 0)
}

/** A command that root gives while no house runs. */
async function asRoot(...words: string[]): Promise<void> {
  writeFileSync(place('test.toml'), testConfigText())
  writeFileSync(place('test.key'), MASTER_HEX)
  const env = {
    GATEHOUSE_CONFIG: place('test.toml'),
    GATEHOUSE_MASTER_KEY_FILE: place('test.key'),
    GATEHOUSE_DATA_DIR: place('data'),
    GATEHOUSE_BACKUP_FOLDER: place('backups'),
    GATEHOUSE_BACKUP_VAULT_FOLDER: place('keys'),
  }
  const child = Bun.spawn([...CRASHABLE_PROGRAM, ...words], { env, stdout: 'ignore', stderr: 'pipe' })
  const said = await new Response(child.stderr).text()
  expect({ words, code: await child.exited, said: said.includes('cannot') }).toEqual({ words, code: 0, said: false })
}

async function writePicture(): Promise<void> {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index)
  const headers = { 'Content-Type': 'application/pdf' }
  const answer = await fetch(`${house.simulatorUrl}/_/media`, { method: 'POST', body: bytes, headers })
  const { id } = (await answer.json()) as { id: string }
  const message = { type: 'document', document: { id } }
  await house.simulator(`/_/customers/${ANNA}/messages?wait=1`, { number: 'support', message })
  const conversation = await house.conversationOf(ANNA)
  await until('the file is there', async () => {
    const { items } = (await house.api(`/api/v1/conversations/${conversation.id}/messages`)).body
    return items.some((item: { attachments?: { state: string }[] }) => item.attachments?.[0]?.state === 'ready')
  })
}

test.skipIf(!IS_ROOT)(
  'what root makes by a command belongs to the user whose folders they are: no command locks the house out (as root only)',
  async () => {
    house = await TestGateway.open()
    await writePicture()
    await house.stop()
    for (const name of ['backups', 'keys']) mkdirSync(place(name), { mode: 0o700 })
    for (const path of below(house.folder)) lchownSync(path, NOBODY, NOBODY)

    await asRoot('backup')
    expect(ofRoot()).toEqual([])
    await asRoot('restore', 'drill')
    expect(ofRoot()).toEqual([])

    renameSync(place('data'), place('old'))
    await asRoot('restore', '--from', place('backups'))
    expect(ofRoot()).toEqual([])
    // Into a folder that is there, in one of root's, as the top of a disk is.
    renameSync(place('data'), place('older'))
    mkdirSync(place('data'), { mode: 0o700 })
    chownSync(place('data'), NOBODY, NOBODY)
    chownSync(house.folder, 0, 0)
    await asRoot('restore', '--from', place('backups'))
    expect(ofRoot()).toEqual([])

    const forms = FORMS.map((form) => ({
      ...form,
      migrations: [...form.migrations, { name: '9999.sql', sql: 'SELECT 1' }],
    }))
    const [folder, nowMs, say] = [place('data'), systemClock.epochMs(), () => {}]
    await upgradeFolder({ folder, forms, program: '9.9.9', nowMs, say })
    await takeBack({ folder, forms: FORMS, nowMs, isTrial: false, say })
    expect(ofRoot()).toEqual([])
  },
)
