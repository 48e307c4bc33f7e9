import { needsRestart } from './changes.ts'
import { SCHEMA } from './schema.ts'
import { type Entries, isSecret, type Member, type Members, type Section, type Setting, settingsOf } from './shape.ts'

const COLUMNS = 100

const SAMPLE_HEAD = `# Gatehouse's configuration: every key with its default or an example. Copy it to gatehouse.toml and take away
# the # before the keys you want to set. \`gatehouse check-config\` says what is wrong.
#
# Outside [[lists]] every key is also an environment variable, named beside it, which goes before this file; lists are
# parted by commas there. A secret may be "env:NAME", "file:/path" or, less well, the secret itself; as an environment
# variable it may also be NAME_FILE, the path of a file that holds it.
#
# A running gateway takes a changed file over with \`gatehouse reload\` or SIGHUP, whole or not at all. Keys that are
# read at a start only say so.
`

/** The text of \`config/gatehouse.example.toml\`, made from the schema. */
export function sampleFile(): string {
  return `${[SAMPLE_HEAD, ...sampleMembers(SCHEMA, '')].join('\n').trimEnd()}\n`
}

function sampleMembers(members: Members, path: string): string[] {
  const all = Object.entries(members)
  const settings = all.flatMap(([key, member]) => (member.shape === 'setting' ? sampleSetting(key, member, path) : []))
  const tables = all.flatMap(([key, member]) => (member.shape === 'setting' ? [] : sampleTable(key, member, path)))
  return [...settings, ...tables]
}

function sampleTable(key: string, member: Section<Members> | Entries<Members>, path: string): string[] {
  const ownPath = `${path}${key}`
  const isList = member.shape === 'entries'
  const hasSettings = Object.values(member.members).some((one: Member) => one.shape === 'setting')
  const head = isList ? [`#[[${ownPath}]]`] : [`[${ownPath}]`]
  const inside = sampleMembers(member.members, isList ? `${ownPath}[].` : `${ownPath}.`)
  return [...(hasSettings ? [...comment(member.help), ...head] : []), ...inside, ...(isList ? [''] : [])]
}

function sampleSetting(key: string, setting: Setting<unknown>, path: string): string[] {
  const isInList = path.includes('[]')
  const environment = isInList ? '' : ` ${settingsOf({ [key]: setting }, path)[0]?.environment ?? ''}.`
  const atStart = needsRestart(`${path}${key}`.replaceAll('[]', '')) ? ' Needs a restart.' : ''
  const notes = `${setting.help}${setting.isRequired ? ' Required.' : ''}${atStart}${environment}`
  const value = setting.sample ?? toml(setting.fallback)
  const lines = [...comment(notes), `#${key} = ${value}`]
  return isInList ? lines : [...lines, '']
}

/** Text, numbers and lists of text: what defaults are made of. */
function toml(value: unknown): string {
  return JSON.stringify(value)
}

function comment(text: string): string[] {
  return wrap(text, COLUMNS).map((line) => `# ${line}`)
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** The variables of the environment, for `--help`. */
export function environmentHelp(): string {
  const variables = settingsOf(SCHEMA).flatMap(({ setting, path, environment }) =>
    environment === undefined ? [] : [variableHelp(setting, path, environment)],
  )
  const config = entryHelp('GATEHOUSE_CONFIG', 'The configuration file. Default: ./gatehouse.toml if it exists.')
  const end = 'Each is also a key of the file (in brackets), which declares apps and numbers too.'
  return ['Environment:', config, ...variables, '', end].join('\n')
}

function variableHelp(setting: Setting<unknown>, path: string, environment: string): string {
  const fallback = setting.fallback
  const isEmpty = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0)
  const ending = isEmpty ? '' : ` Default: ${Array.isArray(fallback) ? fallback.join(',') : String(fallback)}.`
  const file = isSecret(setting) ? ` Or ${environment}_FILE, a file that holds it.` : ''
  return entryHelp(environment, `${setting.help}${file}${ending} [${path}]`)
}

function entryHelp(term: string, text: string): string {
  const body = wrap(text, COLUMNS - 6).map((line) => `      ${line}`)
  return [`  ${term}`, ...body].join('\n')
}
