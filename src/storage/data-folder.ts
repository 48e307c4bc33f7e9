import { chownSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What somebody has to see to whose folder does not let itself be used. */
export const OWNER_WANTED =
  'whoever runs Gatehouse must own the data folder, with all in it, and be able to write there'

const WORDS: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file, and has to be a folder',
  ENOTDIR: 'what it lies in is a file, and has to be a folder',
  ENOSPC: 'no space is left on its disk',
}

/** Makes the data folder where it is not there yet. Throws in words that name it. */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? 'unknown error'
    const words = WORDS[code] ?? 'make it yourself for whoever runs Gatehouse, or name another one as data_dir'
    throw new Error(`Cannot make the data folder ${folder} (${code}): ${words}`, { cause })
  }
}

/** The system's refusal of a file in the data folder in words; any other message as it is. */
export function refusalInWords(message: string): string {
  const refused = /^(EACCES|EPERM|EROFS): .*'(.+)'$/.exec(message)
  return refused ? `${refused[2]} cannot be used (${refused[1]}): ${OWNER_WANTED}` : message
}

/**
 * A new file that root makes in somebody else's folder is theirs, as SQLite does it with its logs: a command that root
 * gives must not lock the house out of its own folder.
 */
export function giveToOwner(path: string): void {
  const owner = otherOwnerOf(dirname(path))
  if (owner) chownSync(path, owner.uid, owner.gid)
}

/** To whom a folder belongs, where root asks and it is somebody else's. */
export function otherOwnerOf(folder: string): { uid: number; gid: number } | undefined {
  if (process.geteuid?.() !== 0) return undefined
  const { uid, gid } = statSync(folder)
  return uid === 0 ? undefined : { uid, gid }
}
