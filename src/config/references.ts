import { type ConfigProblem, shown } from './problem.ts'
import type { SCHEMA } from './schema.ts'
import type { ValuesOf } from './shape.ts'

type Settings = Pick<ValuesOf<typeof SCHEMA>, 'whatsapp' | 'workspace'>
type Texts = readonly (string | undefined)[]

/** How many declared names a problem lists. */
const NAMES_SHOWN_MAX = 10

/**
 * What one value says about another: ids that occur twice, apps and portfolios that nobody declared. A value that could
 * not be read is undefined here whatever its type says; it has been reported already and is passed over.
 */
export function checkReferences({ whatsapp, workspace }: Settings, fileName: string): ConfigProblem[] {
  const workspaces: Texts = workspace.map(({ id }) => id)
  const portfolios: Texts = whatsapp.portfolio.map(({ id }) => id)
  const apps: Texts = whatsapp.app.map(({ id }) => id)
  const found = [
    ...repeated(portfolios, 'portfolio', 'id'),
    ...repeated(apps, 'app', 'id'),
    ...undeclared(
      whatsapp.portfolio.map((portfolio) => portfolio.workspace),
      ['main', ...workspaces],
      ['portfolio', 'workspace'],
    ),
    ...undeclared(
      whatsapp.app.map((app) => app.portfolio),
      portfolios,
      ['app', 'portfolio'],
    ),
    ...repeated(
      whatsapp.number.map((number) => number.phoneNumberId),
      'number',
      'phone_number_id',
    ),
    ...repeated(
      whatsapp.number.map((number) => number.alias),
      'number',
      'alias',
    ),
    ...repeated(
      whatsapp.number.map((number) => number.display),
      'number',
      'display',
    ),
    ...undeclared(
      whatsapp.number.map((number) => number.app),
      apps,
      ['number', 'app'],
    ),
  ]
  return [
    ...found.map((problem) => ({ source: fileName, ...problem, key: `whatsapp.${problem.key}` })),
    ...repeated(workspaces, 'workspace', 'id').map((problem) => ({ source: fileName, ...problem })),
  ]
}

type Found = Omit<ConfigProblem, 'source'>

function repeated(values: Texts, list: string, key: string): Found[] {
  const firstAt = new Map<string, number>()
  return values.flatMap((value, index) => {
    const first = value === undefined ? undefined : firstAt.get(value)
    if (value !== undefined && first === undefined) firstAt.set(value, index)
    if (first === undefined) return []
    return [{ key: `${list}[${index}].${key}`, found: shown(value), wanted: `another than ${list}[${first}] has` }]
  })
}

function undeclared(values: Texts, declared: Texts, [list, key]: readonly [string, string]): Found[] {
  const known = new Set(declared)
  const names = [...known].filter((name) => name !== undefined).slice(0, NAMES_SHOWN_MAX)
  const declaredNames = names.length === 0 ? 'none is declared' : `declared: ${names.join(', ')}`
  return values.flatMap((value, index) => {
    if (value === undefined || known.has(value)) return []
    return [{ key: `${list}[${index}].${key}`, found: shown(value), wanted: `a declared ${key} (${declaredNames})` }]
  })
}
