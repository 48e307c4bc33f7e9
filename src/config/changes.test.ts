import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../config.ts'
import { changesBetween, needsRestart } from './changes.ts'
import { SCHEMA } from './schema.ts'
import { settingsOf } from './shape.ts'

const TEXT = `
log_level = "info"
[http]
port = 1000
[[whatsapp.portfolio]]
id = "acme"
[[whatsapp.app]]
id = "main"
app_secret = "secret-1"
verify_token = "verify-1"
access_token = "access-1"
portfolio = "acme"
[[whatsapp.number]]
phone_number_id = "1"
app = "main"
[[whatsapp.number]]
phone_number_id = "2"
app = "main"
pool = "two"
`

function config(text: string) {
  const files: Record<string, string> = { '/c.toml': text, '/key': 'ab'.repeat(32) }
  const env = { GATEHOUSE_MASTER_KEY_FILE: '/key' }
  const loaded = loadConfig({ env, readFile: (path) => files[path], configPath: '/c.toml' })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

describe('what is different in another configuration', () => {
  test.each([
    ['nothing', (text: string) => text, []],
    ['a value', (text: string) => text.replace('"info"', '"warn"'), ['log_level']],
    ['a value in a table', (text: string) => text.replace('1000', '1001'), ['http.port']],
    ['a secret', (text: string) => text.replace('access-1', 'access-2'), ['whatsapp.app[main].access_token']],
    [
      'a secret that was not there',
      (text: string) => text.replace('verify_token', 'app_secret_previous = "x"\nverify_token'),
      ['whatsapp.app[main].app_secret_previous'],
    ],
    ['the pool of a number', (text: string) => text.replace('"two"', '"three"'), ['whatsapp.number[2].pool']],
    [
      'the id of a number',
      (text: string) => text.replace('"2"', '"3"'),
      ['whatsapp.number[2] (removed)', 'whatsapp.number[3] (added)'],
    ],
    [
      'the order of a list',
      (text: string) => text.replace('"1"', '"9"').replace('"2"', '"1"').replace('"9"', '"2"'),
      ['whatsapp.number[1].pool', 'whatsapp.number[2].pool'],
    ],
  ] as const)('%s', (_, change, expected) => {
    const { changed } = changesBetween(config(TEXT), config(change(TEXT)))
    expect(changed.toSorted()).toEqual([...expected])
  })

  test('says what only a start reads', () => {
    const changes = changesBetween(config(TEXT), config(TEXT.replace('1000', '1001').replace('"info"', '"warn"')))
    expect(changes).toEqual({ changed: ['log_level', 'http.port'], needRestart: ['http.port'] })
  })

  test('of what a house is built on needs a restart', () => {
    const paths = settingsOf(SCHEMA).map(({ path }) => path)
    const atStart = [
      'data_dir',
      'master_key_file',
      'graph_url',
      'simulator_port',
      'http.host',
      'http.port',
      'http.operations_listen',
    ]
    for (const path of atStart) {
      expect(paths).toContain(path)
      expect(needsRestart(path)).toBe(true)
    }
    const whileItRuns = [
      'log_level',
      'whatsapp.app[main].access_token',
      'dispatch.deadline_ms.reply',
      'proxy.url',
      'workspace[outlet] (added)',
    ]
    for (const path of whileItRuns) expect([path, needsRestart(path)]).toEqual([path, false])
  })
})

describe('an outgoing proxy', () => {
  const problemsOf = (proxy: string, own = 'none') => {
    const text = TEXT.replace('pool = "two"', `proxy = "${own}"`).concat(`[proxy]\nurl = "${proxy}"\n`)
    const files: Record<string, string> = { '/c.toml': text, '/key': 'ab'.repeat(32) }
    const env = { GATEHOUSE_MASTER_KEY_FILE: '/key' }
    const loaded = loadConfig({ env, readFile: (path) => files[path], configPath: '/c.toml' })
    return loaded.ok ? [] : loaded.problems.map(({ key, found }) => `${key} ${found}`)
  }

  test.each([['http://proxy.example:3128'], ['http://us%40er:pa%3Ass@proxy.example:3128/'], ['https://10.0.0.1']])(
    'may be %s',
    (url) => expect(problemsOf(url, url)).toEqual([]),
  )

  test.each([['proxy.example:3128'], ['socks5://proxy.example'], ['http://proxy.example/path'], ['none']])(
    'may not be %s, which is not shown',
    (url) => expect(problemsOf(url)).toEqual(['proxy.url (secret)']),
  )

  test('of a number is an address or none', () => {
    expect(problemsOf('http://proxy.example', 'never')).toEqual(['whatsapp.number[1].proxy (secret)'])
  })
})
