import type { Config } from '../config.ts'
import { SCHEMA } from './schema.ts'
import { Secret } from './secret.ts'
import { type Entries, type Members, propertyOf } from './shape.ts'

/** Keys, and tables with all in them, that a running house takes over. Every other one is read at a start only. */
const TAKEN_OVER = [
  'bootstrap_token',
  'allow_private',
  'backup',
  'log_level',
  'http.public_url',
  'http.origins',
  'http.trusted_proxies',
  'media',
  'messages',
  'dispatch',
  'limits.webhook_body_bytes_max',
  'limits.webhook_backlog_ms',
  'limits.requests_per_second',
  'proxy',
  'sign_in',
  'storage.events_keep_days',
  'storage.quota_gb',
  'storage.upgrade_copy_days',
  'whatsapp',
  'workspace',
]

/** Which of its keys tells one table of a list from the others. */
const IDENTITIES = ['id', 'phone_number_id']

/** What is different in a second configuration, by the names of its keys: never a value, which may be a secret. */
export interface ConfigChanges {
  /** Such as `log_level`, `whatsapp.app[main].access_token` or `whatsapp.number[106540352242922] (added)`. */
  readonly changed: readonly string[]
  /** Those of them that only a start reads. */
  readonly needRestart: readonly string[]
}

/** Whether only a start reads the key. `path` may be that of a table in a list. */
export function needsRestart(path: string): boolean {
  return !TAKEN_OVER.some((key) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`))
}

export function changesBetween(before: Config, after: Config): ConfigChanges {
  const changed = membersChanged(SCHEMA, before, after, '')
  return { changed, needRestart: changed.filter(needsRestart) }
}

type Values = Readonly<Record<string, unknown>>

function membersChanged(members: Members, before: unknown, after: unknown, prefix: string): string[] {
  return Object.entries(members).flatMap(([key, member]) => {
    const path = `${prefix}${key}`
    const [was, is] = [before, after].map((values) => (values as Values)[propertyOf(key)])
    if (member.shape === 'section') return membersChanged(member.members, was, is, `${path}.`)
    if (member.shape === 'entries') return entriesChanged(member, was, is, path)
    return isSame(was, is) ? [] : [path]
  })
}

function entriesChanged({ members }: Entries<Members>, before: unknown, after: unknown, path: string): string[] {
  const identity = propertyOf(IDENTITIES.find((key) => Object.hasOwn(members, key)) ?? '')
  const byIdentity = (list: unknown) => new Map((list as Values[]).map((entry) => [String(entry[identity]), entry]))
  const were = byIdentity(before)
  const are = byIdentity(after)
  const names = new Set([...were.keys(), ...are.keys()])
  return [...names].flatMap((name) => {
    const [was, is] = [were.get(name), are.get(name)]
    const own = `${path}[${name}]`
    if (was === undefined) return [`${own} (added)`]
    if (is === undefined) return [`${own} (removed)`]
    return membersChanged(members, was, is, `${own}.`)
  })
}

/** Settings are texts, numbers, lists of them, small tables and secrets. */
function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Secret && other instanceof Secret) return one.reveal() === other.reveal()
  if (one instanceof Secret || other instanceof Secret) return false
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
