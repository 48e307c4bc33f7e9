import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { must } from '../core/assert.ts'
import { codeOf } from '../core/failure.ts'
import { makeFolder } from '../storage/data-folder.ts'
import { writeWhole } from '../storage/write-whole.ts'
import { keyedHash } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'

/** Says in a folder that is kept outside the data folder whose it is. */
const HOUSE_FILE = 'house'
/** In the data folder: a file for each such folder, with the number of the disk that it lay on. No backup takes them along. */
const PLACES_FOLDER = 'places'

const REFUSED = ['EACCES', 'EPERM', 'EROFS']
const WRITABLE_WANTED =
  'make it for whoever runs Gatehouse; with systemd name it as ReadWritePaths of the unit, in a container as a volume'

/** A place for copies that this house cannot use. Its code is what the log and `doctor` say. */
class WrongPlace extends Error {
  readonly code: 'another_house' | 'in_data_folder' | 'not_mounted'

  constructor(code: WrongPlace['code'], message: string) {
    super(message)
    this.name = 'WrongPlace'
    this.code = code
  }
}

/** Stays the same when the master key is changed, and in a house that was restored; it says nothing of any key. */
export function houseMarkOf(vault: Pick<Vault, 'findNamedKey'>): string {
  return keyedHash(must(vault.findNamedKey('house'), 'the key of the house'), 'backups').toHex()
}

/**
 * Makes the folder where there is none, and throws where another house keeps its copies: each takes away what is not its
 * own or older, so one of the two, or a data folder that was begun anew by mistake, would in a few days have done so with
 * all of the other's. An unmarked folder is taken, unless it was marked and its disk is another now.
 */
export function claimForHouse(folder: string, { mark, dataDir }: { mark: string; dataDir: string }): void {
  const note = join(dataDir, PLACES_FOLDER, new Bun.CryptoHasher('sha256').update(folder).digest('hex').slice(0, 16))
  if (!existsSync(join(folder, HOUSE_FILE))) requireSameDisk(folder, note)
  requireWritable(folder)
  claim(folder, mark)
  try {
    const disk = `${statSync(folder).dev} ${folder}\n`
    if (existsSync(note) && readFileSync(note, 'utf8') === disk) return
    makeFolder(dirname(note))
    writeWhole(note, disk)
  } catch {
    // The data folder is full: all the more is a copy wanted.
  }
}

function claim(folder: string, mark: string): void {
  const path = join(folder, HOUSE_FILE)
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  if (found === mark) return
  if (found !== '') {
    throw new WrongPlace(
      'another_house',
      `${folder} has the copies of another house, which this one would remove or put aside in time: choose another ` +
        `folder. A data folder that was begun anew is another house. Only if nobody needs them, remove ${path}`,
    )
  }
  writeWhole(path, `${mark}\n`)
}

/** Makes the folder where there is none. Throws in words where the system refuses it, which has a unit's own reasons too. */
function requireWritable(folder: string): void {
  try {
    makeFolder(folder)
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    const code = codeOf(cause)
    if (code === undefined || !REFUSED.includes(code)) throw cause
    const words = `${folder} cannot be written to (${code}): ${WRITABLE_WANTED}`
    throw Object.assign(new Error(words, { cause }), { code })
  }
}

/** A disk that is not mounted leaves an empty folder on the one below, which copies would fill without a word. */
function requireSameDisk(folder: string, note: string): void {
  if (!existsSync(note)) return
  const device = Number.parseInt(readFileSync(note, 'utf8'), 10)
  if (device === statSync(placeThere(folder)).dev) return
  throw new WrongPlace(
    'not_mounted',
    `${folder} was on another disk, which had this house's copies: is it mounted? If this is a new one: ` +
      `mkdir -p ${folder} && touch ${join(folder, HOUSE_FILE)}`,
  )
}

/** The folder, or the nearest one around it that is there. */
function placeThere(folder: string): string {
  return existsSync(folder) ? folder : placeThere(dirname(folder))
}

/** Throws, with nothing made, where the copies would be lost together with the data folder. */
export function requireOutside(folder: string, dataDir: string): void {
  if (!isInside(folder, dataDir)) return
  throw new WrongPlace('in_data_folder', `${folder} lies in the data folder: choose a place on another disk`)
}

/** Whether one folder is, or would be, the other or something in it. */
export function isInside(one: string, other: string): boolean {
  const way = relative(placeOf(other), placeOf(one))
  return way === '' || !(way === '..' || way.startsWith('../'))
}

/** Where a folder lies, or would lie once it is made. */
function placeOf(folder: string): string {
  return existsSync(folder) ? realpathSync(folder) : join(placeOf(dirname(folder)), basename(folder))
}
