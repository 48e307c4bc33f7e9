import { nearest } from '../core/nearest.ts'
import { readMasterKey, secretText } from './kinds.ts'
import { type ConfigProblem, shown } from './problem.ts'
import { SECRET_SHOWN, Secret } from './secret.ts'
import { type Entries, environmentOf, isSecret, type Members, propertyOf, type Setting, settingsOf } from './shape.ts'

/** The content of a file; undefined if it is not there, null if it is and cannot be read. */
export type ReadFile = (path: string) => string | null | undefined

/** Where values come from. Empty environment variables count as not set. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile: ReadFile
  /** How problems name the file. */
  readonly fileName: string
}

/** What reading one description against its sources gave. */
export interface Reading {
  readonly values: Readonly<Record<string, unknown>>
  readonly problems: readonly ConfigProblem[]
  /** What is not wrong, and probably not meant: a line each. */
  readonly notes: readonly string[]
  /** Secrets stand in the file itself. */
  readonly holdsSecrets: boolean
}

/** Variables that orchestrators set for services whose names begin with ours, and ours that are no keys. */
const FOREIGN_VARIABLE = /^GATEHOUSE_(CONFIG$|TEST_|BUILD_|(\w+_)?SERVICE_(HOST|PORT)|(\w+_)?PORT_\d+_)/
/** What they set such a service's `…_PORT` to. */
const FOREIGN_VALUE = /^(tcp|udp|sctp):\/\//

/** As variables are commonly called. Anything else behind "env:" may be the secret itself. */
const VARIABLE = /^[A-Z][A-Z0-9_]{0,63}$/

/** Of an outgoing proxy only its password is one. */
const NO_SECRET = /^(none|https?:\/\/[^@]*)$/i

const PREFIX = 'GATEHOUSE_'
const ABSENT = Symbol('absent')

/** Reads the file's table and the environment by a description, and gathers everything that is wrong. */
export function readValues(members: Members, table: Record<string, unknown>, sources: Sources): Reading {
  const reader = new Reader(members, sources)
  const values = reader.readMembers(members, table, '', false)
  reader.checkVariables()
  return { values, problems: reader.problems, notes: reader.notes, holdsSecrets: reader.holdsSecrets }
}

class Reader {
  readonly problems: ConfigProblem[] = []
  readonly notes: string[] = []
  holdsSecrets = false
  readonly #schema: Members
  readonly #sources: Sources
  /** Variables that `env:` values name: known, whatever they are called. */
  readonly #referredTo = new Set<string>()

  constructor(schema: Members, sources: Sources) {
    this.#schema = schema
    this.#sources = sources
  }

  readMembers(members: Members, raw: unknown, path: string, isInList: boolean): Record<string, unknown> {
    const table = this.#table(raw, path)
    const values: Record<string, unknown> = {}
    const at = (key: string) => (path === '' ? key : `${path}.${key}`)
    for (const key of Object.keys(table)) if (!Object.hasOwn(members, key)) this.#unknownKey(members, key, at(key))
    for (const [key, member] of Object.entries(members)) {
      const inFile = table[key]
      values[propertyOf(key)] =
        member.shape === 'section'
          ? this.readMembers(member.members, inFile, at(key), isInList)
          : member.shape === 'entries'
            ? this.#readEntries(member, inFile, at(key))
            : this.#readSetting(member, inFile, at(key), isInList)
    }
    return values
  }

  /**
   * A misspelt variable would do nothing in silence, so a near miss of ours is a problem. Any other name with our prefix
   * may be somebody else's, a wrapper's or a newer version's: it is only told.
   */
  checkVariables(): void {
    const known = settingsOf(this.#schema).flatMap(({ setting, environment }) =>
      environment === undefined ? [] : isSecret(setting) ? [environment, `${environment}_FILE`] : [environment],
    )
    // The prefix all have in common would make names near that are not.
    const names = known.map((variable) => variable.slice(PREFIX.length))
    for (const [variable, value] of Object.entries(this.#sources.env)) {
      if (!variable.startsWith(PREFIX) || value === undefined || value === '') continue
      if (known.includes(variable) || this.#referredTo.has(variable)) continue
      if (FOREIGN_VARIABLE.test(variable) || FOREIGN_VALUE.test(value)) continue
      const name = variable.slice(PREFIX.length)
      const near = names.find((known) => known === `${name}_FILE`) ?? nearest(name, names)
      if (near !== undefined)
        this.#add(variable, '', 'an unknown variable', suggestion(PREFIX + near, 'a known variable'))
      else this.#note(variable, related(name, names))
    }
  }

  #note(variable: string, meant: string | undefined): void {
    const name = VARIABLE.test(variable) ? variable : 'A variable whose name begins with GATEHOUSE_'
    this.notes.push(suggestion(meant && PREFIX + meant, `${name} is not known and does nothing`))
  }

  #table(raw: unknown, path: string): Record<string, unknown> {
    if (raw === undefined) return {}
    if (typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !(raw instanceof Date)) return { ...raw }
    // Never the text or the list: a secret may stand in what was meant to be a table.
    const found = typeof raw === 'string' ? 'a text' : Array.isArray(raw) ? 'a list' : shown(raw)
    this.#add(this.#sources.fileName, path, found, 'a table')
    return {}
  }

  #readEntries(member: Entries<Members>, raw: unknown, path: string): Record<string, unknown>[] {
    if (raw === undefined) return []
    if (!Array.isArray(raw) || raw.length > member.countMax) {
      const found = Array.isArray(raw) ? `${raw.length} tables` : 'something else'
      this.#add(this.#sources.fileName, path, found, `at most ${member.countMax} tables, each begun by [[${path}]]`)
      return []
    }
    return raw.map((entry, index) => this.readMembers(member.members, entry, `${path}[${index}]`, true))
  }

  #readSetting(setting: Setting<unknown>, inFile: unknown, path: string, isInList: boolean): unknown {
    const fromEnvironment = isInList ? ABSENT : this.#fromEnvironment(setting, path)
    if (fromEnvironment !== ABSENT) return fromEnvironment
    if (inFile !== undefined) return this.#fromFile(setting, inFile, path)
    if (setting.isRequired) {
      this.#add(this.#sources.fileName, path, 'nothing', setting.kind?.wanted ?? SECRET_WANTED)
    }
    return setting.fallback
  }

  #fromEnvironment(setting: Setting<unknown>, path: string): unknown {
    const variable = environmentOf(setting, path)
    const text = this.#variable(variable)
    if (setting.kind === undefined) return this.#secretFromEnvironment(variable, text, path)
    if (text === undefined) return ABSENT
    const value = setting.kind.fromText(text)
    if (value === undefined) this.#add(variable, path, shown(text), setting.kind.wanted)
    return value
  }

  #secretFromEnvironment(variable: string, text: string | undefined, path: string): unknown {
    const fileVariable = `${variable}_FILE`
    const file = this.#variable(fileVariable)
    if (text !== undefined && file !== undefined) {
      this.#add(variable, path, `${fileVariable} too`, 'only one of the two')
      return undefined
    }
    if (file !== undefined) return this.#secretOfFile(file, fileVariable, path)
    return text === undefined ? ABSENT : this.#secret(text, variable, path)
  }

  #fromFile(setting: Setting<unknown>, inFile: unknown, path: string): unknown {
    const { fileName } = this.#sources
    if (setting.kind === undefined) return this.#secretFromFile(inFile, path)
    const value = setting.kind.fromToml(inFile)
    if (value === undefined) this.#add(fileName, path, shown(inFile), setting.kind.wanted)
    return value
  }

  #secretFromFile(inFile: unknown, path: string): unknown {
    const { fileName } = this.#sources
    if (typeof inFile !== 'string') {
      this.#add(fileName, path, SECRET_SHOWN, SECRET_WANTED)
      return undefined
    }
    if (inFile.startsWith('file:')) return this.#secretOfFile(inFile.slice('file:'.length), fileName, path)
    if (!inFile.startsWith('env:')) {
      this.holdsSecrets ||= !NO_SECRET.test(inFile)
      return this.#secret(inFile, fileName, path)
    }
    const variable = inFile.slice('env:'.length)
    this.#referredTo.add(variable)
    const text = this.#variable(variable)
    if (text !== undefined) return this.#secret(text, variable, path)
    if (VARIABLE.test(variable)) this.#add(fileName, path, shown(inFile), `the variable ${variable} to be set`)
    else this.#add(fileName, path, 'no name of a variable after "env:"', 'the name of one that is set')
    return undefined
  }

  #secretOfFile(file: string, source: string, path: string): unknown {
    const content = this.#sources.readFile(file)
    if (typeof content === 'string') return this.#secret(content.trim(), file, path)
    this.#add(source, path, `${shownPath(file)}, which cannot be read`, 'a file that holds the secret')
    return undefined
  }

  #secret(text: string, source: string, path: string): Secret | undefined {
    const value = secretText.fromText(text)
    if (value !== undefined) return new Secret(value)
    this.#add(source, path, text === '' ? 'nothing' : SECRET_SHOWN, secretText.wanted)
    return undefined
  }

  /** The value is not shown: it may be a secret under a misspelt name. */
  #unknownKey(members: Members, key: string, path: string): void {
    const near = nearest(key, Object.keys(members))
    const elsewhere = settingsOf(this.#schema).find((placed) => placed.path.split('.').at(-1) === key)?.path
    this.#add(this.#sources.fileName, path, 'an unknown key', suggestion(near ?? elsewhere, 'a known key'))
  }

  #variable(name: string): string | undefined {
    const text = this.#sources.env[name]
    return text === '' ? undefined : text
  }

  #add(source: string, key: string, found: string, wanted: string): void {
    this.problems.push({ source, key, found, wanted })
  }
}

/** What is longer and has neither folder nor ending may be a secret that stands where its file belongs. */
const NAME_LENGTH_MAX = 12

/** A path that leads to a secret, as a problem shows it: unless it may be the secret itself. */
export function shownPath(path: string): string {
  const isName = /[/\\.]/.test(path) || path.length <= NAME_LENGTH_MAX
  return isName && readMasterKey(path) === undefined ? shown(path) : SECRET_SHOWN
}

const SECRET_WANTED = '"env:NAME", "file:/path" or the secret itself'

/** The shortest known name that has all the words of this one, or else the longest whose words it has all. */
function related(name: string, known: readonly string[]): string | undefined {
  const words = name.split('_')
  const wider = known.filter((one) => words.every((word) => one.split('_').includes(word)))
  const narrower = known.filter((one) => one.split('_').every((word) => words.includes(word)))
  const byLength = (one: string, other: string) => one.length - other.length
  return wider.sort(byLength)[0] ?? narrower.sort(byLength).at(-1)
}

function suggestion(near: string | undefined, otherwise: string): string {
  return near === undefined ? otherwise : `${otherwise}; did you mean "${near}"?`
}
