import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { checkBackup } from '../relay/check-backup.ts'
import { restore } from '../relay/restore.ts'
import type { BackupDone } from '../relay/take-backup.ts'
import { askRunningHouse } from '../run/running-house.ts'
import { THREADS } from '../threads.ts'
import { openEverything } from './sealed-cells.ts'
import { seededRandom } from './seeded-random.ts'
import { TestGateway } from './test-gateway.ts'

const MASTER = Uint8Array.fromHex('ab'.repeat(32))
const WRITERS = 4
/** What was acknowledged so long before the disk was lost has to be in the second place. */
const SHIPPED_WITHIN_MS = 1_000
const TEXT = /"text":\{"body":"(writer \d+ message \d+)"\}/

export interface BackupLoopOptions {
  rounds: number
  /** Between two rounds. */
  pauseMs: number
  say(line: string): void
}

/** What has to be zero, and how much was tried. */
export interface BackupLoopResult {
  rounds: number
  acknowledged: number
  /** How often one of them was looked for in a restored house. */
  compared: number
  /** Backups in which a check found something. */
  damaged: number
  /** Acknowledged before the backup began, or a second before the disk was lost, and not there after the restore. */
  lost: number
  doubled: number
  /** There, and never written. */
  phantom: number
  backupSeconds: number
  restoreSeconds: number
}

/** Takes backups under load, and restores each: from itself alone, and with the journal as it was shipped until then. */
export async function backupLoop(options: BackupLoopOptions): Promise<BackupLoopResult> {
  const place = mkdtempSync(join(tmpdir(), 'gatehouse-backup-loop-'))
  const house = await TestGateway.open({
    config: `
[backup]
folder = "${place}/backups"
vault_folder = "${place}/vaults"
keep = 2
ship_folder = "${place}/second"
`,
  })
  const loop = new BackupLoop(house, place)
  try {
    return await loop.run(options)
  } finally {
    await loop.stop()
    await house.close()
    rmSync(place, { recursive: true, force: true })
  }
}

class BackupLoop {
  readonly #house: TestGateway
  readonly #place: string
  readonly #offered = new Set<string>()
  readonly #acknowledged: { text: string; atMs: number }[] = []
  readonly #writers: Promise<void>[]
  #isWriting = true
  readonly #result: BackupLoopResult = {
    rounds: 0,
    acknowledged: 0,
    compared: 0,
    damaged: 0,
    lost: 0,
    doubled: 0,
    phantom: 0,
    backupSeconds: 0,
    restoreSeconds: 0,
  }

  constructor(house: TestGateway, place: string) {
    this.#house = house
    this.#place = place
    this.#writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(writer))
  }

  async run({ rounds, pauseMs, say }: BackupLoopOptions): Promise<BackupLoopResult> {
    for (let round = 1; round <= rounds; round++) {
      await pause(systemClock, pauseMs)
      await this.#round()
      const { lost, doubled, phantom, damaged } = this.#result
      say(`round ${round}: ${lost} lost, ${doubled} doubled, ${phantom} phantom, ${damaged} damaged`)
    }
    this.#result.acknowledged = this.#acknowledged.length
    return this.#result
  }

  async stop(): Promise<void> {
    this.#isWriting = false
    await Promise.all(this.#writers)
  }

  async #round(): Promise<void> {
    const before = this.#acknowledgedBefore(systemClock.monoMs())
    const done = await askRunningHouse<BackupDone>(this.#house.config(), 'backup', {})
    if (!done) throw new Error('The house does not run')
    const places = { folder: join(this.#place, 'backups'), vaultFolder: join(this.#place, 'vaults') }
    const ask = { ...places, name: done.name, masterKey: MASTER, cells: 50 }
    const checked = await checkBackup(ask, seededRandom(this.#result.rounds))
    if (!checked.ok) this.#result.damaged++
    await this.#restored(done.name, null, before)

    // The comparison above has held up the house, which runs in this process: it gets its second back.
    await pause(systemClock, SHIPPED_WITHIN_MS)
    // The disk is lost now: what counts is what lies in the second place at this moment.
    const safe = this.#acknowledgedBefore(systemClock.monoMs() - SHIPPED_WITHIN_MS)
    const shipped = join(this.#place, 'shipped')
    cpSync(join(this.#place, 'second'), shipped, { recursive: true })
    // Who has shipped it is gone.
    rmSync(join(shipped, 'writer'), { force: true })
    await this.#restored(done.name, shipped, safe)
    rmSync(shipped, { recursive: true })
    this.#result.rounds++
    this.#result.backupSeconds += done.seconds
  }

  async #restored(name: string, shipped: string | null, wanted: readonly string[]): Promise<void> {
    const folder = join(this.#place, 'restored')
    const startedMs = systemClock.monoMs()
    await restore({
      from: join(this.#place, 'backups', name),
      vaultFrom: join(this.#place, 'vaults'),
      ledger: null,
      shipped,
      folder,
      masterKey: MASTER,
      clock: systemClock,
      log: silentLog,
      threads: THREADS,
      say: () => {},
    })
    this.#result.restoreSeconds += (systemClock.monoMs() - startedMs) / 1000
    this.#compare(folder, wanted)
    rmSync(folder, { recursive: true })
  }

  #compare(folder: string, wanted: readonly string[]): void {
    const found = new Map<string, number>()
    for (const { where, text } of openEverything(folder, folder, MASTER)) {
      const written = where === 'messages.body' ? TEXT.exec(text)?.[1] : undefined
      if (written !== undefined) found.set(written, (found.get(written) ?? 0) + 1)
    }
    this.#result.compared += wanted.length
    this.#result.lost += wanted.filter((text) => !found.has(text)).length
    for (const [text, count] of found) {
      if (count > 1) this.#result.doubled++
      if (!this.#offered.has(text)) this.#result.phantom++
    }
  }

  #acknowledgedBefore(monoMs: number): string[] {
    return this.#acknowledged.filter(({ atMs }) => atMs < monoMs).map(({ text }) => text)
  }

  async #write(writer: number): Promise<void> {
    for (let index = 0; this.#isWriting; index++) {
      const text = `writer ${writer} message ${index}`
      this.#offered.add(text)
      await this.#house.write(`+44770090050${writer}`, text)
      this.#acknowledged.push({ text, atMs: systemClock.monoMs() })
    }
  }
}
