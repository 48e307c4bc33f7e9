import { parse } from 'smol-toml'
import { readMasterKey } from './config/kinds.ts'
import { type ConfigProblem, shown } from './config/problem.ts'
import { checkProxies } from './config/proxies.ts'
import { type ReadFile, readValues, type Sources, shownPath } from './config/read.ts'
import { checkReferences } from './config/references.ts'
import { SCHEMA } from './config/schema.ts'
import { SECRET_SHOWN, Secret } from './config/secret.ts'
import type { ValuesOf } from './config/shape.ts'

type Settings = ValuesOf<typeof SCHEMA>

/** The whole configuration: checked, frozen, units in the names. Its form follows config/schema.ts. */
export interface Config extends Settings {
  /** No app is declared: the gateway shows itself with the simulator and demo data. */
  readonly demo: boolean
  /** 32 bytes. Undefined only in the demo, which makes one beside the data if no file is named. */
  readonly masterKey: Secret<Uint8Array> | undefined
  /** The file that was read; undefined if there is none. */
  readonly configFile: string | undefined
  /** The files that secrets were read from: the master key's among them, and the configuration's where they stand in it. */
  readonly secretFiles: readonly string[]
}

export interface ConfigInput {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The content of a file; undefined if it is not there, null if it is and cannot be read. The only way outside. */
  readonly readFile: ReadFile
  /** From the command line; goes before GATEHOUSE_CONFIG. */
  readonly configPath?: string | undefined
}

export type LoadResult =
  | {
      readonly ok: true
      readonly config: Config
      /** What is not wrong, and probably not meant: a line each. */
      readonly notes: readonly string[]
    }
  | {
      readonly ok: false
      readonly problems: readonly ConfigProblem[]
      /** What could be read of where the data lies: a house may be running there. */
      readonly dataDir: string | undefined
    }

/** Read if nobody names another, and if it exists. */
const CONFIG_FILE_DEFAULT = './gatehouse.toml'

/** Reads and checks everything. Opens nothing, and reports all that is wrong, not only the first thing. */
export function loadConfig(input: ConfigInput): LoadResult {
  const file = readConfigFile(input)
  const secretFiles = new Set<string>()
  const readSecret = (path: string) => {
    secretFiles.add(path)
    return input.readFile(path)
  }
  const sources: Sources = { env: input.env, readFile: readSecret, fileName: file.path ?? CONFIG_FILE_DEFAULT }
  const { values, problems, notes, holdsSecrets } = readValues(SCHEMA, file.table, sources)
  // The reader follows the same schema that the type is made from; with problems, single values may be undefined.
  const settings = values as unknown as Settings
  const demo = settings.whatsapp.app.length === 0
  const key = readKey(settings, sources, demo)
  const found = [
    ...file.problems,
    // After a broken file everything seems to be missing: that would only hide what is wrong.
    ...(file.problems.length > 0 ? problems.filter((one) => one.source !== sources.fileName) : problems),
    ...checkReferences(settings, sources.fileName),
    ...backupProblems(settings, sources.fileName),
    ...signInProblems(settings, sources.fileName),
    ...checkProxies(settings, sources.fileName),
    ...key.problems,
  ]
  if (found.length > 0) return { ok: false, problems: found, dataDir: settings.dataDir }
  if (holdsSecrets && file.path !== undefined) secretFiles.add(file.path)
  const rest = { demo, masterKey: key.masterKey, configFile: file.path, secretFiles: [...secretFiles] }
  return { ok: true, config: freeze({ ...settings, ...rest }), notes }
}

interface ConfigFile {
  path: string | undefined
  table: Record<string, unknown>
  problems: ConfigProblem[]
}

function readConfigFile({ env, readFile, configPath }: ConfigInput): ConfigFile {
  const fromEnvironment = env['GATEHOUSE_CONFIG'] || undefined
  const named = configPath ?? fromEnvironment
  const path = named ?? CONFIG_FILE_DEFAULT
  const content = readFile(path)
  if (content === undefined && named === undefined) return { path: undefined, table: {}, problems: [] }
  if (typeof content !== 'string') {
    const source = named === undefined ? path : configPath === undefined ? 'GATEHOUSE_CONFIG' : '--config'
    const found = named === undefined ? 'something that cannot be read' : shown(path)
    return { path, table: {}, problems: [{ source, key: '', found, wanted: 'a file that can be read' }] }
  }
  try {
    return { path, table: parse(content), problems: [] }
  } catch (error) {
    return { path, table: {}, problems: [syntaxProblem(path, error)] }
  }
}

/** The parser's message goes on with the lines around the place, which may hold a secret: only its first line is shown. */
function syntaxProblem(path: string, error: unknown): ConfigProblem {
  const [firstLine = ''] = (error instanceof Error ? error.message : '').split('\n')
  const place = error instanceof Error && 'line' in error && 'column' in error ? `:${error.line}:${error.column}` : ''
  const found = firstLine.replace(/^Invalid TOML document: /, '')
  return { source: `${path}${place}`, key: '', found, wanted: 'a TOML document' }
}

const KEY_VARIABLE = 'GATEHOUSE_MASTER_KEY_FILE'
const KEY_WANTED = 'a file with 32 bytes as 64 hexadecimal or 44 base64 characters'

function readKey({ masterKeyFile }: Settings, { env, fileName, readFile }: Sources, demo: boolean) {
  const source = env[KEY_VARIABLE] || masterKeyFile === undefined ? KEY_VARIABLE : fileName
  const problem = (found: string, wanted = KEY_WANTED) => ({
    masterKey: undefined,
    problems: [{ source, key: 'master_key_file', found, wanted }],
  })
  if (masterKeyFile === undefined) {
    return demo ? { masterKey: undefined, problems: [] } : problem('nothing', `${KEY_WANTED}, as an app is configured`)
  }
  const content = readFile(masterKeyFile)
  if (typeof content !== 'string') return problem(`${shownPath(masterKeyFile)}, which cannot be read`)
  const bytes = readMasterKey(content)
  if (bytes === undefined) return problem(SECRET_SHOWN)
  return { masterKey: new Secret(bytes), problems: [] }
}

/** A backup without the keys that open it is none. */
function backupProblems({ backup }: Settings, source: string): ConfigProblem[] {
  if (backup.folder === undefined || backup.vaultFolder !== undefined) return []
  return [{ source, key: 'backup.vault_folder', found: 'nothing', wanted: 'a folder, as backup.folder is set' }]
}

/** A single sign-on is configured whole: an empty secret would let in whoever asks. */
function signInProblems({ http, signIn: { oidc } }: Settings, source: string): ConfigProblem[] {
  if (oidc.issuer === undefined) return []
  const needed: readonly [string, unknown, string][] = [
    ['sign_in.oidc.client_id', oidc.clientId, "the client's name at the provider"],
    ['sign_in.oidc.client_secret', oidc.clientSecret, "the client's secret"],
    ['http.public_url', http.publicUrl, 'an address, as the provider sends browsers back to it'],
  ]
  return needed
    .filter(([, value]) => value === undefined)
    .map(([key, , wanted]) => ({ source, key, found: 'nothing', wanted: `${wanted}, as sign_in.oidc.issuer is set` }))
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}
