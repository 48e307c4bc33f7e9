import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { DESCRIPTIONS } from '../cli/commands.ts'
import { SCHEMA } from '../config/schema.ts'
import { settingsOf } from '../config/shape.ts'

/*
 * The files that put the house on a machine. Caddyfile and nginx.conf are tried in proxy/, the image, compose.yaml and the
 * unit by container.ts, compose.ts and systemd.ts of scripts/faults.
 */

const ROOT = new URL('../../', import.meta.url).pathname
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const FILES = ['Dockerfile', 'config/compose.yaml', 'config/gatehouse.service', 'config/Caddyfile']
/** Not the program's own: where it looks for its file, what Caddy and the build are told. */
const OTHERS = ['GATEHOUSE_CONFIG', 'GATEHOUSE_SITE', 'GATEHOUSE_UPSTREAM', 'GATEHOUSE_BUILD_COMMIT']
/** systemd's own scale: 0 is shut, 10 is open. */
const EXPOSURE_MAX = 2.0

test.each(FILES)('%s names only variables that exist', (path) => {
  const known = [...OTHERS, ...settingsOf(SCHEMA, '').map(({ environment }) => environment)]
  const named = [...read(path).matchAll(/GATEHOUSE_[A-Z_]+/g)].map(([name]) => name)
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((name) => !known.includes(name))).toEqual([])
})

test('the image is built with the Bun that the project pins, and runs as nobody in particular', () => {
  const dockerfile = read('Dockerfile')
  expect(dockerfile).toContain(`oven/bun:${packageJson.engines.bun}-`)
  expect(dockerfile).toContain('USER 65532:65532')
})

test('commands that the files run exist', () => {
  const words = [
    ...[...read('config/gatehouse.service').matchAll(/gatehouse (reload|serve)$/gm)].map((match) => match[1]),
    ...[...read('Dockerfile').matchAll(/^.*(?:CMD|ENTRYPOINT) \[.*"(serve|healthcheck)"/gm)].map((match) => match[1]),
  ]
  expect(words.sort()).toEqual(['healthcheck', 'reload', 'serve', 'serve'])
  for (const word of words) expect(Object.keys(DESCRIPTIONS)).toContain(String(word))
})

test('compose.yaml is YAML, locked down, and publishes the proxy alone', () => {
  type Service = { read_only?: boolean; cap_drop?: string[]; ports?: string[]; depends_on?: object }
  const { services } = Bun.YAML.parse(read('config/compose.yaml')) as { services: Record<string, Service> }
  expect(Object.keys(services)).toEqual(['gatehouse', 'caddy'])
  expect(services['gatehouse']).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
  expect(services['gatehouse']?.ports).toBeUndefined()
  expect(services['caddy']?.depends_on).toEqual({ gatehouse: { condition: 'service_healthy' } })
})

test.skipIf(Bun.which('systemd-analyze') === null)(
  'systemd takes the unit, and finds it well shut in (needs systemd-analyze)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-unit-'))
    try {
      const path = join(folder, 'gatehouse.service')
      writeFileSync(path, read('config/gatehouse.service').replaceAll('/usr/local/bin/gatehouse', process.execPath))
      const verified = Bun.spawnSync(['systemd-analyze', 'verify', path], { stderr: 'pipe' })
      expect(verified.stderr.toString()).toBe('')
      expect(verified.exitCode).toBe(0)
      const judged = Bun.spawnSync(['systemd-analyze', 'security', '--offline=yes', '--no-pager', path])
      const exposure = /exposure level for gatehouse.service: ([\d.]+)/.exec(judged.stdout.toString())?.[1]
      expect(Number(exposure)).toBeLessThanOrEqual(EXPOSURE_MAX)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
