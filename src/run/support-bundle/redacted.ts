import { SCHEMA } from '../../config/schema.ts'
import { isSecret, type Member, type Members, propertyOf, type Setting, settingsOf } from '../../config/shape.ts'

/** Texts that say nothing of the firm or of anybody: words of a short list, and the names that logs use. */
const SHOWN: ReadonlySet<string> = new Set([
  'log_level',
  'revoked',
  'graph_version',
  'id',
  'app',
  'portfolio',
  'alias',
  'pool',
])

/** The configuration without secrets, numbers and addresses: figures and switches as they are, of the rest whether it is set. */
export function redactedConfig(config: object): unknown {
  return redactMembers(SCHEMA, config)
}

function redactMembers(members: Members, values: object): unknown {
  const entries = Object.entries(members).map(([key, member]) => {
    const value = (values as Record<string, unknown>)[propertyOf(key)]
    return [key, redact(key, member, value)]
  })
  return Object.fromEntries(entries)
}

function redact(key: string, member: Member, value: unknown): unknown {
  if (member.shape === 'entries') return (value as object[]).map((one) => redactMembers(member.members, one))
  if (member.shape === 'section') return redactMembers(member.members, value as object)
  return redactSetting(key, member, value)
}

function redactSetting(key: string, setting: Setting<unknown>, value: unknown): unknown {
  if (value === undefined) return 'absent'
  if (isSecret(setting)) return 'set'
  if (typeof value === 'number' || typeof value === 'boolean')
    return Number.isFinite(value) || value === true || value === false ? value : 'unlimited'
  if (JSON.stringify(value) === JSON.stringify(setting.fallback)) return value
  if (Array.isArray(value)) return `${value.length} set`
  if (SHOWN.has(key)) return value
  const scheme = typeof value === 'string' ? /^(https?):\/\//.exec(value)?.[1] : undefined
  return scheme === undefined ? 'set' : `set (${scheme})`
}

const KNOWN_KEYS: ReadonlySet<string> = new Set(
  settingsOf(SCHEMA).flatMap(({ path }) => path.replaceAll('[]', '').split('.')),
)

/** A problem without the value that was found, or what the operator made up: `whatsapp.number[0].display, wanted …`. */
export function redactedProblem(line: string): string {
  const foundAt = line.indexOf(': found ')
  const wantedAt = line.lastIndexOf(', wanted ')
  if (foundAt === -1 || wantedAt < foundAt) return 'a problem'
  const place = line.slice(0, foundAt)
  const keyAt = place.lastIndexOf(': ')
  // Without a key it is a variable of the environment, or the file as a whole.
  const key = keyAt !== -1 ? place.slice(keyAt + 2) : /^[A-Z0-9_]+$/.test(place) ? place : 'the file'
  const isOurs = keyAt === -1 || key.split('.').every((part) => KNOWN_KEYS.has(part.replace(/\[\d+\]$/, '')))
  return `${isOurs ? key : 'an unknown key'}${line.slice(wantedAt)}`
}
