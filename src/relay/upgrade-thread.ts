import { serveThread } from '../storage/serve-thread.ts'
import { type UpgradeOptions, upgradeFolder } from '../storage/upgrade.ts'
import { FORMS } from './forms.ts'

declare const self: Worker

/** What the main thread asks for; progress comes as notices, a line each. */
export type UpgradeAsk = Pick<UpgradeOptions, 'folder' | 'program' | 'nowMs' | 'withoutCopy'>

const answers = {
  /** Copies and migrates beside the main thread, which goes on hearing signals meanwhile. */
  async upgrade(ask: UpgradeAsk): Promise<void> {
    await upgradeFolder({ ...ask, forms: FORMS, say: (line) => self.postMessage({ notice: line }) })
  },
  close() {},
}

export type UpgradeAnswers = typeof answers

serveThread({ answers })
