import { access, constants, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { nameOfError } from '../../core/failure.ts'
import { isInside } from '../../relay/house-places.ts'
import { type Finding, fail, ok, shellWord, warn } from './finding.ts'

const GROUP_READS = 0o040
const OTHERS_READ = 0o004
const NOT_THE_OWNER = 0o077
const NOT_WRITABLE = 'Ask as the user who runs Gatehouse, who must own the folder with all in it'
const READ_ONLY = 'Look at dmesg: Linux does that to a disk that fails. Otherwise mount it writable'
/** What the house writes into its folder; a disk may have put `lost+found` there. */
const OURS = /^(journal|media)$|\.db/

/** A problem with the configuration is what `check-config` says. */
export function checkProblems(problems: readonly string[]): Finding[] {
  if (problems.length === 0) return [ok('config', 'The configuration is right')]
  return problems.map((problem) =>
    fail('config', problem, 'Mend the configuration; gatehouse check-config says when it is right'),
  )
}

/** What is not wrong, and probably not meant. */
export function checkNotes(notes: readonly string[]): Finding[] {
  const id = 'config.variables'
  if (notes.length === 0) return [ok(id, 'Every variable of the environment that begins with GATEHOUSE_ is known')]
  return notes.map((note) => warn(id, note, 'Take it out of the environment, or give it the name of a key'))
}

/** Where secrets are mounted for a container: nobody else is in there. */
const MOUNTED = '/run/'

/**
 * Files that hold secrets, the master key first among them, are for the user of the house alone: whose the data folder is,
 * once there is one.
 */
export async function checkSecretFiles({
  secretFiles,
  configFile,
  dataDir,
}: Pick<Config, 'secretFiles' | 'configFile' | 'dataDir'>): Promise<Finding[]> {
  const found: Finding[] = []
  const folder = await stat(dataDir).catch(() => undefined)
  for (const path of secretFiles) {
    const file = await stat(path).catch(() => undefined)
    if (!file || (file.mode & (GROUP_READS | OTHERS_READ)) === 0) continue
    // Only for the owner it would be hidden from a house that runs as somebody else.
    const own =
      folder && folder.uid !== file.uid ? `chown --reference=${shellWord(dataDir)} ${shellWord(path)} && ` : ''
    const remedy = `${own}chmod 600 ${shellWord(path)}`
    if (file.mode & OTHERS_READ && !path.startsWith(MOUNTED) && path !== configFile) {
      found.push(fail('secrets.permissions', `Everybody on this machine can read ${path}`, remedy))
    } else found.push(warn('secrets.permissions', `Others can read ${path}`, remedy))
  }
  return found.length > 0 ? found : [ok('secrets.permissions', 'Only their owner reads the files with secrets')]
}

/** Whoever copies the folder with its key has copied everything. */
export function checkKeyPlace(keyFile: string | undefined, dataDir: string, isDemo: boolean): Finding {
  const id = 'key.place'
  if (keyFile === undefined) {
    if (isDemo) return ok(id, 'The demo keeps its key beside its data')
    return fail(id, 'No master key file is named', 'Set master_key_file')
  }
  if (!isInside(keyFile, dataDir)) {
    return ok(id, 'The master key lies outside the data folder')
  }
  return warn(
    id,
    'The master key lies inside the data folder: every copy of the folder opens itself',
    'Move the key elsewhere, keep a copy of it in another place, and set master_key_file',
  )
}

export async function checkFolderPermissions(dataDir: string): Promise<Finding> {
  const id = 'folder.permissions'
  const folder = await stat(dataDir).catch(() => undefined)
  if (!folder) return warn(id, 'There is no data folder yet', 'The first start makes it: gatehouse serve')
  const refusal = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(() => null, nameOfError)
  if (refusal === 'EROFS') return fail(id, 'The data folder lies on a file system that is mounted read-only', READ_ONLY)
  if (refusal !== null) return fail(id, 'Who asks cannot write to the data folder', NOT_WRITABLE)
  const wrong = await whatIsNotTheirs(dataDir, folder.uid)
  if (wrong !== null) return fail(id, wrong, `chown -R --reference=${shellWord(dataDir)} ${shellWord(dataDir)}`)
  if ((folder.mode & NOT_THE_OWNER) === 0) return ok(id, 'Only the user of the house enters the data folder')
  return warn(id, 'Others can look into the data folder', `chmod 700 ${shellWord(dataDir)}`)
}

/** What a command that root gave, or a copy that root made, has left behind: the house's user cannot write it. */
async function whatIsNotTheirs(dataDir: string, owner: number): Promise<string | null> {
  const inside = await readdir(join(dataDir, 'journal')).catch(() => [])
  const names = [...(await readdir(dataDir)), ...inside.map((name) => join('journal', name))].filter((name) =>
    OURS.test(name),
  )
  for (const name of names) {
    const found = await stat(join(dataDir, name)).catch(() => undefined)
    if (found && found.uid !== owner) return `${name} belongs to another user than the data folder that it lies in`
  }
  return null
}
