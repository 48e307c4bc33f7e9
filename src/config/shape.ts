import type { Kind } from './kinds.ts'
import type { Secret } from './secret.ts'

/** One key of the configuration: everything about it that parsing, help and the sample file need. */
export interface Setting<T> {
  readonly shape: 'setting'
  readonly help: string
  /** Undefined for a secret, whose value is fetched first. */
  readonly kind: Kind<T> | undefined
  readonly isRequired: boolean
  readonly fallback: T | undefined
  /** The environment variable; its path in capitals where none is given, none inside lists of tables. */
  readonly environment: string | undefined
  /** How the sample file writes it, as TOML; the default where it is absent. */
  readonly sample: string | undefined
}

/** A table of keys. */
export interface Section<M extends Members> {
  readonly shape: 'section'
  readonly help: string
  readonly members: M
}

/** A list of tables, `[[like.this]]`. */
export interface Entries<M extends Members> {
  readonly shape: 'entries'
  readonly help: string
  readonly countMax: number
  readonly members: M
}

export type Member = Setting<unknown> | Section<Members> | Entries<Members>
export interface Members {
  readonly [key: string]: Member
}

type CamelCase<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : K

/** The type of the values that a description describes: snake_case keys of the file become camelCase properties. */
export type ValueOf<N> =
  N extends Setting<infer T>
    ? T
    : N extends Section<infer M>
      ? ValuesOf<M>
      : N extends Entries<infer M>
        ? readonly ValuesOf<M>[]
        : never
export type ValuesOf<M> = { readonly [K in keyof M as CamelCase<K> & string]: ValueOf<M[K]> }

/** The property of a key: `public_url` becomes `publicUrl`. */
export function propertyOf(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

interface Notes {
  help: string
  environment?: string
  sample?: string
}

function setting<T>(kind: Kind<T> | undefined, notes: Notes, rest: { isRequired: boolean; fallback: T | undefined }) {
  const { help, environment, sample } = notes
  return { shape: 'setting', help, kind, environment, sample, ...rest } as const satisfies Setting<T>
}

/** A key with a default. */
export function defaulted<T>(kind: Kind<T>, fallback: T, notes: Notes): Setting<T> {
  return setting(kind, notes, { isRequired: false, fallback })
}

/** A key that may be absent and then is undefined. */
export function optional<T>(kind: Kind<T>, notes: Notes): Setting<T | undefined> {
  return setting<T | undefined>(kind, notes, { isRequired: false, fallback: undefined })
}

/** A key that must be there. */
export function required<T>(kind: Kind<T>, notes: Notes): Setting<T> {
  return setting(kind, notes, { isRequired: true, fallback: undefined })
}

/** A secret that must be there; in the file as `env:NAME`, `file:/path` or itself. */
export function requiredSecret(notes: Notes): Setting<Secret> {
  return setting<Secret>(undefined, notes, { isRequired: true, fallback: undefined })
}

/** A secret that may be absent. */
export function optionalSecret(notes: Notes): Setting<Secret | undefined> {
  return setting<Secret | undefined>(undefined, notes, { isRequired: false, fallback: undefined })
}

export function section<const M extends Members>(help: string, members: M): Section<M> {
  return { shape: 'section', help, members }
}

export function entries<const M extends Members>(help: string, countMax: number, members: M): Entries<M> {
  return { shape: 'entries', help, countMax, members }
}

/** A setting with its place, as help and the check for unknown variables need it. */
export interface PlacedSetting {
  readonly setting: Setting<unknown>
  /** Such as `http.port`; inside a list of tables `whatsapp.app[].id`. */
  readonly path: string
  /** Undefined inside lists of tables. */
  readonly environment: string | undefined
}

export function isSecret(setting: Setting<unknown>): boolean {
  return setting.kind === undefined
}

/** The environment variable of a setting outside lists of tables. */
export function environmentOf(setting: Setting<unknown>, path: string): string {
  return setting.environment ?? `GATEHOUSE_${path.replaceAll('.', '_').toUpperCase()}`
}

/** All settings in the order of their description. */
export function settingsOf(members: Members, prefix = '', isInList = false): PlacedSetting[] {
  return Object.entries(members).flatMap(([key, member]) => {
    const path = `${prefix}${key}`
    if (member.shape === 'section') return settingsOf(member.members, `${path}.`, isInList)
    if (member.shape === 'entries') return settingsOf(member.members, `${path}[].`, true)
    return [{ setting: member, path, environment: isInList ? undefined : environmentOf(member, path) }]
  })
}
