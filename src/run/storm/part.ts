import { runDeskPart } from './desk-part.ts'
import { runLoadPart } from './load-part.ts'

/** The word that starts a part of a storm instead of a command; the storm alone says it. */
export const STORM_PART = 'storm-part'

/** Runs a part by its name until its orders end; answers the exit code. */
export async function runStormPart(name: string | undefined): Promise<number> {
  return name === 'load' ? await runLoadPart() : await runDeskPart()
}
