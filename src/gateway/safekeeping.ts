import { join, resolve } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import type { Config } from '../config.ts'
import { lookOverInThread, takeBackupInThread, takeLedgerInThread } from '../relay/backup-client.ts'
import { type BackupPlan, Backups } from '../relay/backups.ts'
import { Drills } from '../relay/drills.ts'
import { JournalShipping } from '../relay/journal-shipping.ts'
import { PageWatch } from '../relay/page-watch.ts'
import { THREADS } from '../threads.ts'
import type { Base } from './base.ts'

/** While the house runs a backup rests as long as it works: measured, see scripts/bench/README.md. */
const REST_SHARE = 1

/** The second copies of everything, backups and the journal as it grows, and the watch over what they are made of. */
export interface Safekeeping {
  backups: Backups
  shipping: JournalShipping
  pages: PageWatch
}

/** What the configuration says of backups. */
export function backupPlanOf({ backup }: Config): BackupPlan {
  return {
    folder: backup.folder === undefined ? undefined : resolve(backup.folder),
    vaultFolder: backup.vaultFolder === undefined ? undefined : resolve(backup.vaultFolder),
    vaultBeside: backup.vaultBeside,
    everyHours: backup.everyHours,
    keep: backup.keep,
    vaultKeep: backup.vaultKeep,
  }
}

export function createSafekeeping(base: Base): Safekeeping {
  const { options, metrics, setup } = base
  const { clock, log, config } = options
  const backups = new Backups(
    {
      take: (ask) => takeBackupInThread(THREADS.backup, { ...ask, rawRecords: base.house.rawRecords() }, clock),
      takeLedger: (ask) => takeLedgerInThread(THREADS.backup, ask, clock),
      clock,
      log,
      dataDir: config.dataDir,
      masterKey: setup.masterKey,
      program: packageJson.version,
      restShare: REST_SHARE,
      metrics: {
        done: ({ atMs, seconds, bytes }) => {
          metrics.backupLastSuccess.set(atMs / 1000)
          metrics.backupSeconds.set(seconds)
          metrics.backupBytes.set(bytes)
        },
        failed: () => metrics.backupFailures.add(1),
      },
    },
    () => backupPlanOf(base.config),
  )
  const pages = new PageWatch({
    look: (ask) => lookOverInThread(THREADS.backup, { ...ask, rawRecords: base.house.rawRecords() }, clock),
    clock,
    log,
    path: join(config.dataDir, 'records.db'),
    random: Math.random,
    onDamage: (count) => metrics.recordsDamagedPages.set(count),
  })
  const shipping = new JournalShipping({
    thread: THREADS.ship,
    clock,
    log,
    dataDir: config.dataDir,
    masterKey: setup.masterKey,
    onFault: () => metrics.journalShipFailures.add(1),
  })
  return { backups, shipping, pages }
}

/** Begins both, once the folder is open and the house serves. `headSeq`: the journal's end. */
export async function startSafekeeping(base: Base, { backups, shipping }: Safekeeping, headSeq: number): Promise<void> {
  backups.start()
  shipping.noteAppended(headSeq)
  await shipping.follow(shipFolderOf(base.config))
}

/** The places may be others: a backup and the journal go there from now on. */
export function followPlaces({ config }: Base, { backups, shipping }: Safekeeping): void {
  backups.follow()
  void shipping.follow(shipFolderOf(config))
}

function shipFolderOf({ backup }: Config): string | undefined {
  return backup.shipFolder === undefined ? undefined : resolve(backup.shipFolder)
}

/** Has the newest backup tried every night, where that is configured; the answer ends it. */
export function startDrills(base: Base): () => void {
  const { clock, log, config, beginDrill } = base.options
  if (!beginDrill) return () => {}
  const hour = () => (base.config.backup.folder === undefined ? undefined : base.config.backup.drillHour)
  const drills = new Drills({ clock, log, dataDir: config.dataDir, hour, begin: beginDrill })
  drills.start()
  return () => drills.stop()
}

/** The figures of the second place. */
export function collectShipping({ metrics }: Base, { shipping }: Safekeeping): void {
  metrics.collect(() => metrics.journalShipLagSeconds.set((shipping.state()?.lagMs ?? 0) / 1000))
}
