import packageJson from '../../package.json' with { type: 'json' }
import { Thread } from '../storage/thread.ts'
import { begunIn, findDatabases, wantsUpgrade } from '../storage/upgrade.ts'
import { FORMS } from './forms.ts'
import type { UpgradeAnswers, UpgradeAsk } from './upgrade-thread.ts'

export interface BringUpOptions {
  /** The program of the thread. */
  thread: URL
  folder: string
  nowMs: number
  /** Progress, a line at a time. */
  say(line: string): void
  /** Without a copy of what was before. */
  withoutCopy: boolean
}

/**
 * Brings a folder that an older program wrote to this one's form, before anybody opens it. Throws where a newer program
 * wrote it. Where nothing is to be done it costs a look at each database's version.
 */
export async function bringUp({ thread, folder, nowMs, say, withoutCopy }: BringUpOptions): Promise<void> {
  if (!wantsUpgrade(findDatabases(folder, FORMS)) && begunIn(folder).length === 0) return
  const ask: UpgradeAsk = { folder, program: packageJson.version, nowMs, withoutCopy }
  let hasFailed = false
  const onFailure = () => {
    hasFailed = true
  }
  const upgrading = new Thread<UpgradeAnswers>(new Worker(thread), { onNotice: (line) => say(String(line)), onFailure })
  try {
    await upgrading.ask('upgrade', ask)
  } catch (error) {
    throw error instanceof Error ? error : new Error(String(error))
  } finally {
    if (!hasFailed) {
      await upgrading.ask('close')
      await upgrading.closed()
    }
  }
}
