import { serveThread } from '../storage/serve-thread.ts'
import type { Question } from '../storage/thread.ts'
import { type UpgradeOptions, upgradeFolder } from '../storage/upgrade.ts'
import { FORMS } from './forms.ts'

declare const self: Worker

/** What the main thread asks for; progress comes as notices, a line each. */
export type UpgradeAsk = Pick<UpgradeOptions, 'folder' | 'program' | 'nowMs' | 'withoutCopy'>

/** Copies and migrates beside the main thread, which goes on hearing signals meanwhile. */
async function answer({ name, args }: Question): Promise<unknown> {
  if (name === 'close') return null
  if (name !== 'upgrade') throw new Error(`Unknown question: ${name}`)
  const say = (line: string) => self.postMessage({ notice: line })
  await upgradeFolder({ ...(args as UpgradeAsk), forms: FORMS, say })
  return null
}

serveThread({ answer })
