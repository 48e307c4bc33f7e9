import { accessSync, constants, lchownSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf } from '../core/failure.ts'

/** What somebody has to see to whose folder does not let itself be used. */
export const OWNER_WANTED =
  'whoever runs Gatehouse must own the data folder, with all in it, and be able to write there'

const WORDS: Readonly<Record<string, string>> = {
  ENOTDIR: 'what it lies in is a file, and has to be a folder',
  ENOSPC: 'no space is left on its disk',
}

/** Makes the data folder where it is not there yet. Throws in words that name it. */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const code = codeOf(cause) ?? 'unknown error'
    const words =
      code === 'EEXIST'
        ? whatStandsAt(folder)
        : (WORDS[code] ?? 'make it yourself for whoever runs Gatehouse, or name another one as data_dir')
    throw new Error(`Cannot make the data folder ${folder} (${code}): ${words}`, { cause })
  }
}

/**
 * Throws where the disk of a data folder takes no writing: its databases cannot even be read there as they are, with the logs
 * that a house which was cut off has left.
 */
export function requireWritableDisk(folder: string): void {
  try {
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    const code = codeOf(cause)
    if (code !== 'EROFS') return
    const error = new Error(
      `The data folder ${folder} lies on a disk that is mounted read-only, as Linux does with one that fails (dmesg says so). ` +
        `To save what is in it copy all of it to another disk (cp -a ${folder} /elsewhere/data), name the copy ` +
        'as GATEHOUSE_DATA_DIR, and take a backup of that or serve it',
      { cause },
    )
    throw Object.assign(error, { code })
  }
}

/** What is in a folder's place and is none. */
function whatStandsAt(folder: string): string {
  try {
    statSync(folder)
    return 'it is a file, and has to be a folder'
  } catch (cause) {
    const code = codeOf(cause)
    return code === 'ENOENT'
      ? 'it is a link to what is not there: is the disk mounted?'
      : `its disk, or the way to it, fails (${code})`
  }
}

/** The system's refusal of a file in the data folder in words; any other message as it is. */
export function refusalInWords(message: string): string {
  const refused = /^(EACCES|EPERM|EROFS): .*'(.+)'$/.exec(message)
  return refused ? `${refused[2]} cannot be used (${refused[1]}): ${OWNER_WANTED}` : message
}

/**
 * A new file or folder, with all in it, that root makes in somebody else's folder is theirs, as SQLite does it with its
 * logs: a command that root gives must not lock the house out of its data, nor of its backups.
 */
export function giveToOwner(path: string): void {
  if (process.geteuid?.() !== 0) return
  const owner = statSync(dirname(path))
  if (owner.uid !== 0) give(path, owner)
}

interface Owner {
  uid: number
  gid: number
}

/** Follows no link: where it leads is nobody's to give away. */
function give(path: string, owner: Owner): void {
  const found = lstatSync(path)
  if (found.uid !== owner.uid || found.gid !== owner.gid) lchownSync(path, owner.uid, owner.gid)
  if (found.isDirectory()) for (const name of readdirSync(path)) give(join(path, name), owner)
}

/** Makes a folder, and those around it that are not there: they belong to whom the one around them does. */
export function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first !== undefined) giveToOwner(first)
}
