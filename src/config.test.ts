import { describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { problemLine } from './config/problem.ts'
import { Secret } from './config/secret.ts'
import { environmentHelp, sampleFile } from './config/words.ts'
import { type Config, type ConfigInput, loadConfig } from './config.ts'

const KEY_HEX = '00112233445566778899aabbccddeeff'.repeat(2)
const SECRETS = { WA_APP_SECRET: 'app-secret-1', WA_VERIFY_TOKEN: 'verify-1', WA_ACCESS_TOKEN: 'access-1' }
const APP = `
[[whatsapp.portfolio]]
id = "acme"
messaging_limit = 100000

[[whatsapp.app]]
id = "main"
app_secret = "env:WA_APP_SECRET"
verify_token = "env:WA_VERIFY_TOKEN"
access_token = "env:WA_ACCESS_TOKEN"
portfolio = "acme"

[[whatsapp.number]]
phone_number_id = "106540352242922"
display = "+15550783881"
app = "main"
waba = "102290129340398"
pool = "support"
messages_per_second = 80
`

interface Given {
  toml?: string
  env?: Record<string, string>
  files?: Record<string, string>
  configPath?: string
}

function input({ toml, env = {}, files = {}, configPath }: Given): ConfigInput {
  const all: Record<string, string> = { ...(toml === undefined ? {} : { './gatehouse.toml': toml }), ...files }
  return { env, readFile: (path) => all[path], configPath }
}

function load(given: Given): Config {
  const loaded = loadConfig(input(given))
  if (!loaded.ok) throw new Error(`Expected a right configuration, got: ${loaded.problems.map(problemLine).join('\n')}`)
  return loaded.config
}

function problems(given: Given): string[] {
  const loaded = loadConfig(input(given))
  return loaded.ok ? [] : loaded.problems.map(problemLine)
}

/** A configuration with an app, as which it needs a key. */
function withApp(toml: string, env: Record<string, string> = {}): Given {
  return {
    toml,
    env: { GATEHOUSE_MASTER_KEY_FILE: '/key', ...SECRETS, ...env },
    files: { '/key': `${KEY_HEX}\n` },
  }
}

describe('loadConfig', () => {
  test('is a demo with defaults where nothing is given', () => {
    const config = load({})
    expect(config.demo).toBe(true)
    expect(config.masterKey).toBeUndefined()
    expect(config.configFile).toBeUndefined()
    expect(config.dataDir).toBe('./data')
    expect(config.http).toEqual({
      host: '127.0.0.1',
      port: 8080,
      publicUrl: undefined,
      origins: [],
      trustedProxies: [],
      operationsListen: undefined,
    })
    expect(config.graphUrl).toBe('https://graph.facebook.com')
    expect(config.limits).toEqual({
      webhookBodyBytesMax: 3_407_872,
      webhookBacklogMs: 500,
      queueMax: 100_000,
      requestsPerSecond: 5_000,
    })
    expect(config.dispatch.deadlineMs).toEqual({ urgent: 60_000, reply: 30_000, notice: 3_600_000, bulk: 86_400_000 })
  })

  test('reads apps and numbers with their secrets', () => {
    const config = load(withApp(APP))
    expect(config.demo).toBe(false)
    expect(config.masterKey?.reveal()).toEqual(Uint8Array.from(Buffer.from(KEY_HEX, 'hex')))
    const [app] = config.whatsapp.app
    expect(app?.appSecret.reveal()).toBe('app-secret-1')
    expect(app?.appSecretPrevious).toBeUndefined()
    expect(app?.graphVersion).toBe('v25.0')
    expect(config.whatsapp.number).toEqual([
      {
        phoneNumberId: '106540352242922',
        app: 'main',
        alias: undefined,
        display: '+15550783881',
        waba: '102290129340398',
        pool: 'support',
        messagesPerSecond: 80,
        proxy: undefined,
      },
    ])
  })

  test('takes the environment before the file and the file before the default', () => {
    const config = load({
      toml: 'log_level = "warn"\n[http]\nhost = "::1"\nport = 9000\n[dispatch]\ndeadline_ms = { reply = 45000 }',
      env: { GATEHOUSE_HTTP_PORT: '9001', GATEHOUSE_LOG_LEVEL: '', GATEHOUSE_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7' },
    })
    expect(config.http.port).toBe(9001)
    expect(config.http.host).toBe('::1')
    expect(config.logLevel).toBe('warn')
    expect(config.http.trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.7/32'])
    expect(config.dispatch.deadlineMs).toEqual({ urgent: 60_000, reply: 45_000, notice: 3_600_000, bulk: 86_400_000 })
  })

  test('reads a secret from a file, by its variable and by the configuration file', () => {
    const files = { '/run/token': 'owner-key\n' }
    const byVariable = load({ env: { GATEHOUSE_BOOTSTRAP_TOKEN_FILE: '/run/token' }, files })
    expect(byVariable.bootstrapToken?.reveal()).toBe('owner-key')
    const byFile = load({ toml: 'bootstrap_token = "file:/run/token"', files })
    expect(byFile.bootstrapToken?.reveal()).toBe('owner-key')
  })

  test('says which files hold secrets: the configuration itself where they stand in it', () => {
    expect(load(withApp(APP)).secretFiles).toEqual(['/key'])
    const inside = APP.replace('env:WA_APP_SECRET', 'app-secret-1')
    expect(load(withApp(inside)).secretFiles).toEqual(['/key', './gatehouse.toml'])
    const noSecrets = `${APP}proxy = "none"\n[proxy]\nurl = "http://proxy.example.com:3128"`
    expect(load(withApp(noSecrets)).secretFiles).toEqual(['/key'])
  })

  test('finds the file by --config before GATEHOUSE_CONFIG before ./gatehouse.toml', () => {
    const files = { '/a': 'data_dir = "a"', '/b': 'data_dir = "b"', './gatehouse.toml': 'data_dir = "c"' }
    expect(load({ files, env: { GATEHOUSE_CONFIG: '/b' }, configPath: '/a' }).dataDir).toBe('a')
    expect(load({ files, env: { GATEHOUSE_CONFIG: '/b' } }).dataDir).toBe('b')
    expect(load({ files }).dataDir).toBe('c')
    expect(problems({ configPath: '/x', files })).toEqual(['--config: found "/x", wanted a file that can be read'])
    expect(problems({ env: { GATEHOUSE_CONFIG: '/x' }, files })).toEqual([
      'GATEHOUSE_CONFIG: found "/x", wanted a file that can be read',
    ])
  })

  test('is frozen all the way down', () => {
    const config = load(withApp(APP))
    for (const part of [config, config.http, config.http.origins, config.whatsapp.number, config.whatsapp.app[0]]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test.each([
    ['64 hexadecimal characters', KEY_HEX],
    ['44 base64 characters', `${Buffer.from(KEY_HEX, 'hex').toString('base64')}\n`],
  ])('takes a master key of %s', (_, content) => {
    const given = { ...withApp(APP), files: { '/key': content } }
    expect(Buffer.from(load(given).masterKey?.reveal() ?? []).toString('hex')).toBe(KEY_HEX)
  })
})

describe('problems', () => {
  test.each([
    [
      'a port that is none',
      '[http]\nport = 70000',
      './gatehouse.toml: http.port: found 70000, wanted a whole number from 0 to 65535',
    ],
    [
      'a port in quotes',
      '[http]\nport = "80"',
      './gatehouse.toml: http.port: found "80", wanted a whole number from 0 to 65535',
    ],
    ['a table that is none', 'http = 5', './gatehouse.toml: http: found 5, wanted a table'],
    [
      'a wrong word',
      'log_level = "loud"',
      './gatehouse.toml: log_level: found "loud", wanted one of "debug", "info", "warn", "error"',
    ],
    [
      'a misspelt key',
      '[http]\nprot = 80',
      './gatehouse.toml: http.prot: found an unknown key, wanted a known key; did you mean "port"?',
    ],
    [
      'a key in the wrong place',
      'port = 80',
      './gatehouse.toml: port: found an unknown key, wanted a known key; did you mean "http.port"?',
    ],
    ['a key like nothing', 'zzzzzz = 80', './gatehouse.toml: zzzzzz: found an unknown key, wanted a known key'],
    ['broken TOML', 'a = 1\nb = "x', './gatehouse.toml:2:5: found unfinished string, wanted a TOML document'],
    ['a date', 'data_dir = 2026-11-22', './gatehouse.toml: data_dir: found 2026-11-22, wanted a path'],
    [
      'an address with a password',
      'graph_url = "https://me:hunter2@example.com"',
      './gatehouse.toml: graph_url: found "https://(secret)@example.com", wanted an http or https address without user, query and fragment',
    ],
  ])('tell of %s', (_, toml, line) => {
    expect(problems({ toml })).toEqual([line])
  })

  test.each([
    ['GATEHOUSE_HTTP_PORT', '8o80', 'http.port'],
    ['GATEHOUSE_HTTP_PORT', '-1', 'http.port'],
    ['GATEHOUSE_HTTP_HOST', 'a b', 'http.host'],
    ['GATEHOUSE_HTTP_HOST', '127.0.0.256', 'http.host'],
    ['GATEHOUSE_PUBLIC_URL', 'chat.example.com', 'http.public_url'],
    ['GATEHOUSE_PUBLIC_URL', 'ftp://chat.example.com', 'http.public_url'],
    ['GATEHOUSE_PUBLIC_URL', 'https://example.com/chat', 'http.public_url'],
    ['GATEHOUSE_HTTP_ORIGINS', 'https://a.example/path', 'http.origins'],
    ['GATEHOUSE_TRUSTED_PROXIES', '10.0.0.0/33', 'http.trusted_proxies'],
    ['GATEHOUSE_TRUSTED_PROXIES', '10.0.0/8', 'http.trusted_proxies'],
    ['GATEHOUSE_ALLOW_PRIVATE', 'fd00::/129', 'allow_private'],
    ['GATEHOUSE_OPERATIONS_LISTEN', '9090', 'http.operations_listen'],
    ['GATEHOUSE_OPERATIONS_LISTEN', '::1:9090', 'http.operations_listen'],
    ['GATEHOUSE_MEDIA_HOSTS', 'https://a.example', 'media.hosts'],
    ['GATEHOUSE_LIMITS_QUEUE_MAX', '5', 'limits.queue_max'],
    ['GATEHOUSE_MASTER_KEY_FILE', '/absent', 'master_key_file'],
  ])('tell of %s=%s', (variable, value, key) => {
    const [line = '', ...more] = problems({ env: { [variable]: value } })
    expect(more).toEqual([])
    expect(line.startsWith(`${variable}: ${key}: found ${JSON.stringify(value)}`)).toBe(true)
  })

  test('name every fault at once', () => {
    const toml = APP.replace('id = "acme"\n', 'id = "a b"\n')
      .replace('"+15550783881"', '"0555"')
      .replace('= 80', '= 0')
      .replace('app = "main"', 'app = "other"')
      .replace('"106540352242922"', '106540352242922')
    const keys = problems(withApp(`log_level = "loud"\n${toml}`, { GATEHOUSE_HTTP_PORT: 'x' })).map(
      (line) => line.split(': ')[1],
    )
    expect(keys.sort()).toEqual(
      [
        'http.port',
        'log_level',
        'whatsapp.app[0].portfolio',
        'whatsapp.number[0].app',
        'whatsapp.number[0].display',
        'whatsapp.number[0].messages_per_second',
        'whatsapp.number[0].phone_number_id',
        'whatsapp.portfolio[0].id',
      ].sort(),
    )
  })

  test('tell of ids that occur twice and of what nobody declared', () => {
    const toml = `${APP}${APP}`.replace('portfolio = "acme"', 'portfolio = "acne"')
    expect(problems(withApp(toml))).toEqual([
      './gatehouse.toml: whatsapp.portfolio[1].id: found "acme", wanted another than portfolio[0] has',
      './gatehouse.toml: whatsapp.app[1].id: found "main", wanted another than app[0] has',
      './gatehouse.toml: whatsapp.app[0].portfolio: found "acne", wanted a declared portfolio (declared: acme)',
      './gatehouse.toml: whatsapp.number[1].phone_number_id: found "106540352242922", wanted another than number[0] has',
      './gatehouse.toml: whatsapp.number[1].display: found "+15550783881", wanted another than number[0] has',
    ])
  })

  test('ask for the master key as soon as there is an app, and for its right form', () => {
    const wanted = 'wanted a file with 32 bytes as 64 hexadecimal or 44 base64 characters'
    expect(problems({ toml: APP, env: SECRETS })).toEqual([
      `GATEHOUSE_MASTER_KEY_FILE: master_key_file: found nothing, ${wanted}, as an app is configured`,
    ])
    for (const content of [
      '',
      KEY_HEX.slice(2),
      `${KEY_HEX}00`,
      'z'.repeat(64),
      Buffer.alloc(31, 7).toString('base64'),
    ]) {
      expect(problems({ ...withApp(APP), files: { '/key': content } })).toEqual([
        `GATEHOUSE_MASTER_KEY_FILE: master_key_file: found (secret), ${wanted}`,
      ])
    }
  })

  test('tell of secrets without showing them', () => {
    const toml = APP.replace('"env:WA_APP_SECRET"', '"hunter2 hunter2"')
      .replace('"env:WA_VERIFY_TOKEN"', '["hunter2"]')
      .replace('"env:WA_ACCESS_TOKEN"', '"env:ABSENT"')
    const lines = problems(withApp(`bootstrap_tokn = "hunter2"\n${toml}\napp_secrets = "hunter2"`))
    expect(lines).toHaveLength(5)
    expect(lines.join('\n')).not.toContain('hunter2')
    expect(lines).toContain(
      './gatehouse.toml: whatsapp.app[0].access_token: found "env:ABSENT", wanted the variable ABSENT to be set',
    )
    const broken = problems({ toml: 'bootstrap_token = "hunter2" x' })
    expect(broken).toHaveLength(1)
    expect(broken.join('\n')).not.toContain('hunter2')
  })

  test.each<[string, Given]>([
    ['behind env:', { toml: APP.replace('env:WA_ACCESS_TOKEN', 'env:EAAGhunter2x7') }],
    ['behind file:', { toml: APP.replace('env:WA_ACCESS_TOKEN', 'file:EAAGhunter2x7') }],
    ["in a variable that wants its file's path", { env: { GATEHOUSE_BOOTSTRAP_TOKEN_FILE: 'hunter2hunter2' } }],
    ["as the master key's file", { env: { GATEHOUSE_MASTER_KEY_FILE: KEY_HEX } }],
    ["as the master key's file, in base64", { env: { GATEHOUSE_MASTER_KEY_FILE: `${'hunter2'.repeat(6)}x=` } }],
    ['in a list that is a table', { toml: `[[sign_in.oidc]]\nclient_secret = "hunter2"` }],
    ['as a password with a slash', { toml: 'graph_url = "https://u:p/hunter2@example.com"' }],
  ])('do not show a secret that stands %s', (_, { toml = APP, env = {} }) => {
    const lines = problems(withApp(toml, env))
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join('\n')).not.toMatch(/hunter2|00112233/)
  })

  test('tell of a file that is there and cannot be read, instead of beginning a demo', () => {
    const loaded = loadConfig({ env: {}, readFile: () => null })
    expect(loaded.ok ? [] : loaded.problems.map(problemLine)).toEqual([
      './gatehouse.toml: found something that cannot be read, wanted a file that can be read',
    ])
  })

  test('tell of a secret given twice or by a file that is not there', () => {
    const twice = { GATEHOUSE_BOOTSTRAP_TOKEN: 'a', GATEHOUSE_BOOTSTRAP_TOKEN_FILE: '/x' }
    expect(problems({ env: twice })).toEqual([
      'GATEHOUSE_BOOTSTRAP_TOKEN: bootstrap_token: found GATEHOUSE_BOOTSTRAP_TOKEN_FILE too, wanted only one of the two',
    ])
    expect(problems({ env: { GATEHOUSE_BOOTSTRAP_TOKEN_FILE: '/x' } })).toEqual([
      'GATEHOUSE_BOOTSTRAP_TOKEN_FILE: bootstrap_token: found "/x", which cannot be read, wanted a file that holds the secret',
    ])
  })

  test.each([
    ['GATEHOUSE_HTTP_PROT', 'GATEHOUSE_HTTP_PORT'],
    ['GATEHOUSE_DATADIR', 'GATEHOUSE_DATA_DIR'],
    ['GATEHOUSE_LOGLEVEL', 'GATEHOUSE_LOG_LEVEL'],
    ['GATEHOUSE_MASTER_KEY', 'GATEHOUSE_MASTER_KEY_FILE'],
  ])('tell of a misspelt variable: %s', (variable, meant) => {
    expect(problems({ env: { [variable]: '1' } })).toEqual([
      `${variable}: found an unknown variable, wanted a known variable; did you mean "${meant}"?`,
    ])
  })

  test.each([
    ['GATEHOUSE_QUOTA_GB', 'GATEHOUSE_STORAGE_QUOTA_GB'],
    ['GATEHOUSE_PORT', 'GATEHOUSE_HTTP_PORT'],
    ['GATEHOUSE_HOST', 'GATEHOUSE_HTTP_HOST'],
    ['GATEHOUSE_STORAGE_DATA_DIR', 'GATEHOUSE_DATA_DIR'],
    ['GATEHOUSE_API_KEY', undefined],
  ])('only tell of an unknown variable that is near to none, which may be a wrapper’s: %s', (variable, meant) => {
    const loaded = loadConfig({ env: { [variable]: 'hunter2' }, readFile: () => undefined })
    const ending = meant === undefined ? '' : `; did you mean "${meant}"?`
    expect(loaded).toMatchObject({ ok: true, notes: [`${variable} is not known and does nothing${ending}`] })
  })

  test('are silent on what orchestrators set for services of our name, and on what the file uses', () => {
    const env = {
      GATEHOUSE_SERVICE_HOST: '10.0.0.1',
      GATEHOUSE_PORT: 'tcp://10.0.0.1:80',
      GATEHOUSE_METRICS_SERVICE_PORT_HTTP: '80',
      GATEHOUSE_METRICS_PORT: 'tcp://10.0.0.1:80',
      GATEHOUSE_METRICS_PORT_80_TCP_ADDR: '10.0.0.1',
      GATEHOUSE_TEST_CRASH: 'book.after_commit:2',
      GATEHOUSE_MY_TOKEN: 't',
    }
    const toml = 'bootstrap_token = "env:GATEHOUSE_MY_TOKEN"'
    expect(loadConfig({ env, readFile: () => toml })).toMatchObject({ ok: true, notes: [] })
  })

  test('do not show the name of a variable that may be something else', () => {
    const loaded = loadConfig({ env: { 'GATEHOUSE_X\nhunter2': '1' }, readFile: () => undefined })
    expect(loaded).toMatchObject({
      notes: ['A variable whose name begins with GATEHOUSE_ is not known and does nothing'],
    })
  })

  test('never show a secret that was read, however the configuration is printed', () => {
    const config = load(withApp(APP, { GATEHOUSE_BOOTSTRAP_TOKEN: 'hunter2' }))
    const printed = [
      JSON.stringify(config),
      inspect(config, { depth: 9 }),
      Bun.inspect(config),
      `${config.bootstrapToken}`,
    ]
    for (const text of printed) {
      expect(text).toContain('(secret)')
      expect(text).not.toMatch(/hunter2|app-secret-1|verify-1|access-1/)
      expect(text).not.toContain(KEY_HEX.slice(0, 16))
    }
    expect(new Secret('hunter2').reveal()).toBe('hunter2')
  })
})

describe('the sample file', () => {
  test('changes nothing as it is', () => {
    expect<Config>({ ...load({ toml: sampleFile() }), configFile: undefined }).toEqual(load({}))
  })

  test('is a right configuration once every key is taken in', () => {
    const toml = sampleFile().replaceAll(/^#(?=[[a-z])/gm, '')
    const env = { ...SECRETS, WA_APP_SECRET_PREVIOUS: 'p', BOOTSTRAP_TOKEN: 't', OIDC_CLIENT_SECRET: 'o' }
    const config = load({ toml, env, files: { '/etc/gatehouse/master.key': KEY_HEX } })
    expect(config.whatsapp.number[0]?.alias).toBe('support-us')
    expect(config.demo).toBe(false)
  })

  test('and help name every variable of the product', () => {
    for (const text of [sampleFile(), environmentHelp()]) {
      for (const variable of [
        'DATA_DIR',
        'HTTP_HOST',
        'HTTP_PORT',
        'PUBLIC_URL',
        'TRUSTED_PROXIES',
        'OPERATIONS_LISTEN',
        'MASTER_KEY_FILE',
        'BOOTSTRAP_TOKEN',
        'GRAPH_URL',
        'SIMULATOR_PORT',
        'ALLOW_PRIVATE',
        'LOG_LEVEL',
      ]) {
        expect(text).toContain(`GATEHOUSE_${variable}`)
      }
    }
  })
})
