import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { BEGINS_AT_ZERO, CATALOGUE } from '../src/metrics/catalogue.ts'
import { DASHBOARD_FILE, dashboardText } from './dashboard.ts'

const FOLDER = new URL('../config/prometheus/', import.meta.url)
const textOf = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8')

interface Rule {
  alert?: string
  record?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}
interface RuleFile {
  groups: { name: string; rules: Rule[] }[]
}
interface TestFile {
  tests: { promql_expr_test: { exp_samples: { labels: string }[] }[] }[]
}
interface Dashboard {
  panels: { title: string; targets?: { expr: string }[] }[]
}

const rules = (Bun.YAML.parse(textOf('alerts.yml')) as RuleFile).groups.flatMap((group) => group.rules)
const alerts = rules.filter((rule) => rule.alert !== undefined)
const dashboard = JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as Dashboard

/** The labels that a series of each name has; of a histogram the names that Prometheus sees. */
const LABELS_OF = new Map<string, readonly string[]>(
  Object.values(CATALOGUE).flatMap(({ name, type, labels }): [string, readonly string[]][] => {
    const own = [`gatehouse_${name}`, labels] as [string, readonly string[]]
    if (type !== 'histogram') return [own]
    return [
      [`${own[0]}_bucket`, [...labels, 'le']],
      [`${own[0]}_sum`, labels],
      [`${own[0]}_count`, labels],
    ]
  }),
)
/** What Prometheus itself puts on every series. */
const OF_PROMETHEUS = ['job', 'instance']

/** What is wrong with an expression: names and labels that no metric of ours has. */
function faultsOf(expr: string): string[] {
  const recorded = new Set(rules.flatMap(({ record }) => record ?? []))
  const selectors = [...expr.matchAll(/\b(gatehouse[a-z0-9_:]*)(?:\{([^}]*)\})?/g)].filter(([, name]) => name !== '')
  // Values are in quotes and may hold any of these words.
  const bare = expr.replace(/"[^"]*"/g, '""')
  const known = new Set(OF_PROMETHEUS)
  const faults = selectors.flatMap(([, name = '', inside = '']) => {
    if (name === 'gatehouse' || recorded.has(name)) return []
    const labels = LABELS_OF.get(name)
    if (labels === undefined) return [`no metric is called ${name}`]
    for (const label of labels) known.add(label)
    const used = [...inside.replace(/"[^"]*"/g, '""').matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label)
    const wrong = used.filter((label) => !labels.includes(label) && !OF_PROMETHEUS.includes(label))
    return wrong.map((label) => `${name} has no label ${label}`)
  })
  const grouped = [...bare.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/\s*,\s*/))
  return [
    ...faults,
    ...grouped.filter((label) => !known.has(label)).map((label) => `nothing here has a label ${label}`),
  ]
}

describe('faultsOf', () => {
  test.each([
    ['gatehouse_apply_lag_secs > 5', ['no metric is called gatehouse_apply_lag_secs']],
    ['rate(gatehouse_webhook_seconds[5m])', ['no metric is called gatehouse_webhook_seconds']],
    ['gatehouse_webhooks_total{result="stored"}', ['gatehouse_webhooks_total has no label result']],
    ['sum by (job, class) (gatehouse_send_total)', ['nothing here has a label class']],
    ['sum by (outcome) (gatehouse_send_total{job="gatehouse",outcome=~"a{2}|b"})', []],
    ['up{job="gatehouse"} == 0', []],
  ])('says of %p %j', (expr, faults) => {
    expect(faultsOf(expr)).toEqual(faults)
  })
})

test('every rule asks for metrics and labels that exist', () => {
  expect(
    rules.flatMap(({ alert, record, expr }) => faultsOf(expr).map((fault) => `${alert ?? record}: ${fault}`)),
  ).toEqual([])
  expect(alerts.length).toBeGreaterThan(40)
})

test('what an alert sees rise is there from the start, so that the first rise is seen', () => {
  const begins = new Set(
    Object.entries(BEGINS_AT_ZERO).flatMap(([key, series]) => {
      const { name } = CATALOGUE[key as keyof typeof BEGINS_AT_ZERO]
      return series.flatMap((labels) => Object.values(labels).map((word) => `gatehouse_${name} ${word}`))
    }),
  )
  const watched = alerts.flatMap(({ expr }) =>
    [...expr.matchAll(/increase\((gatehouse_\w+_total)\{([^}]*)\}/g)].flatMap(([, name = '', inside = '']) =>
      [...inside.matchAll(/"([^"]*)"/g)].flatMap(([, words = '']) => words.split('|').map((word) => `${name} ${word}`)),
    ),
  )
  expect(watched.length).toBeGreaterThan(5)
  // Of answers with 5xx three are wanted: the first may pass unseen.
  const late = watched.filter((series) => !begins.has(series) && series !== 'gatehouse_http_requests_total 5..')
  expect(late).toEqual([])
})

test('every panel of the dashboard asks for metrics and labels that exist, and the file is as it is made', () => {
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
  expect(queries.flatMap(({ title, expr }) => faultsOf(expr).map((fault) => `${title}: ${fault}`))).toEqual([])
  expect(queries.length).toBeGreaterThan(50)
  expect(readFileSync(DASHBOARD_FILE, 'utf8')).toBe(dashboardText())
})

test('every metric is watched by an alert or shown by the dashboard', () => {
  const asked = [
    ...rules.map(({ expr }) => expr),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map((one) => one.expr)),
  ]
  const words = new Set(asked.flatMap((expr) => expr.match(/gatehouse_\w+/g) ?? []))
  const names = (name: string) => ['', '_bucket', '_sum', '_count'].map((end) => `gatehouse_${name}${end}`)
  const unseen = Object.values(CATALOGUE).filter(({ name }) => !names(name).some((each) => words.has(each)))
  expect(unseen.map(({ name }) => name)).toEqual([])
})

test('an alert says how urgent it is, what happened and what to do, and tells only labels that it has', () => {
  const headings = new Set(
    [...textOf('README.md').matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name.toLowerCase()),
  )
  for (const { alert, expr, labels, annotations } of alerts) {
    expect(`${alert} ${labels?.['severity']}`).toMatch(/ (page|ticket)$/)
    expect(`${alert}: ${Object.keys(annotations ?? {})}`).toBe(`${alert}: summary,description,runbook`)
    const [file, section = ''] = (annotations?.['runbook'] ?? '').split('#')
    expect(file).toBe('config/prometheus/README.md')
    expect(`${alert} ${headings.has(section)}`).toBe(`${alert} true`)
    const told = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
    const has = [...LABELS_OF].flatMap(([name, own]) => (expr.includes(name) ? own : []))
    for (const label of told)
      expect(`${alert}: ${label}`).toBe(has.concat(OF_PROMETHEUS).includes(label) ? `${alert}: ${label}` : '')
  }
})

test('each alert is seen to fire in a test of the rules, and there are tests in which nothing fires', () => {
  const tests = ['alerts.test.yml', 'alerts-of-a-week.test.yml'].flatMap(
    (name) => (Bun.YAML.parse(textOf(name)) as TestFile).tests,
  )
  const samples = tests.flatMap((one) => one.promql_expr_test.map(({ exp_samples }) => exp_samples))
  const fired = new Set(samples.flat().flatMap(({ labels }) => /alertname="(\w+)"/.exec(labels)?.[1] ?? []))
  expect([...fired].sort()).toEqual(alerts.map(({ alert = '' }) => alert).sort())
  expect(samples.filter((none) => none.length === 0).length).toBeGreaterThan(5)
})

const promtool = Bun.which('promtool')
test.skipIf(promtool === null)(
  'promtool, where it is installed, finds the rules right and the alerts firing as tested',
  async () => {
    const run = async (...words: string[]) => {
      const child = Bun.spawn([promtool ?? '', ...words], { cwd: FOLDER.pathname, stdout: 'pipe', stderr: 'pipe' })
      const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
      return { code: await child.exited, said }
    }
    for (const words of [
      ['check', 'config', 'prometheus.yml'],
      // The tests of a whole week take half a minute: by hand.
      ['test', 'rules', 'alerts.test.yml'],
    ]) {
      const { code, said } = await run(...words)
      expect(`${said} ${code}`).toEndWith(' 0')
    }
  },
  30_000,
)
