import { describe, expect, test } from 'bun:test'
import { parseArguments } from './arguments.ts'
import { COMMAND_NAMES, DESCRIPTIONS, type Loaded, withConfig } from './commands.ts'
import { type Program, runProgram } from './program.ts'
import { replayAsk } from './replay-ask.ts'

interface TestConfig {
  port: number
}

/** What the rooms above run: all but what is run here. */
const RUN_ELSEWHERE = COMMAND_NAMES.filter((name) => !['check-config', 'version', 'help'].includes(name))

async function run(argv: string[], given: Partial<Program<TestConfig>> = {}) {
  const printed: string[] = []
  const complained: string[] = []
  const code = await runProgram(argv, {
    version: '1.2.3',
    environmentHelp: 'Environment: GATEHOUSE_X',
    loadConfig: () => ({ ok: true, config: { port: 1 } }),
    print: (line) => void printed.push(line),
    complain: (line) => void complained.push(line),
    runners: Object.fromEntries(RUN_ELSEWHERE.map((name) => [name, async () => 0])),
    ...given,
  })
  return { code, printed: printed.join('\n'), complained: complained.join('\n') }
}

describe('parseArguments', () => {
  test('reads the command, its options and what all commands have', () => {
    expect(parseArguments(['serve'])).toEqual({ ok: true, command: 'serve', options: {}, operand: undefined })
    expect(parseArguments(['replay', '--from', '3', '--to=9', '--config', 'a.toml'])).toEqual({
      ok: true,
      command: 'replay',
      options: { from: '3', to: '9', config: 'a.toml' },
      operand: undefined,
    })
  })

  test.each([
    [[], 'No command'],
    [['srve'], 'Unknown command "srve"'],
    [['constructor'], 'Unknown command "constructor"'],
    [['--port'], 'Unknown option "--port"'],
    [['serve', '--port', '80'], "serve: Unknown option '--port'"],
    [['serve', 'now'], 'serve: unexpected "now"'],
    [['help', 'srve'], 'Unknown command "srve"'],
    [['help', 'serve', 'replay'], 'help: unexpected "replay"'],
    [['replay'], 'replay wants either --quarantine or both --from N and --to N'],
  ])('refuses %j', (argv, message) => {
    expect(parseArguments(argv)).toEqual({ ok: false, message })
  })

  test('refuses a value that is missing', () => {
    const parsed = parseArguments(['serve', '--config'])
    expect(parsed.ok ? '' : parsed.message).toStartWith('serve: ')
  })
})

describe('replayAsk', () => {
  test('reads the quarantine or a stretch of the journal', () => {
    expect(replayAsk({ quarantine: true })).toEqual({ ok: true, ask: { kind: 'quarantine' } })
    expect(replayAsk({ from: '7', to: '7' })).toEqual({ ok: true, ask: { kind: 'range', from: 7, to: 7 } })
  })

  test.each([
    [{ quarantine: true, from: '1' }],
    [{ from: '1' }],
    [{ to: '1' }],
    [{ from: '0', to: '1' }],
    [{ from: '1', to: 'x' }],
    [{ from: '2', to: '1' }],
    [{ from: '1', to: '9'.repeat(17) }],
  ])('refuses %j', (options) => {
    expect(replayAsk(options).ok).toBe(false)
  })
})

describe('runProgram', () => {
  test('runs the command that is named, with its options, and answers its exit code', async () => {
    let seen: unknown
    const { code } = await run(['replay', '--quarantine'], {
      runners: {
        replay: async ({ options }) => {
          seen = options['quarantine']
          return 1
        },
      },
    })
    expect(seen).toBe(true)
    expect(code).toBe(1)
  })

  test('answers 2 and a way on for wrong use', async () => {
    expect(await run(['srve'])).toEqual({
      code: 2,
      printed: '',
      complained: 'Unknown command "srve"\nSee: gatehouse --help',
    })
    expect((await run(['serve', '--x'])).complained).toEndWith('See: gatehouse serve --help')
  })

  test('does not offer a command that nothing runs', async () => {
    const withoutRunners = { runners: {} }
    expect((await run(['serve'], withoutRunners)).code).toBe(2)
    expect((await run(['help'], withoutRunners)).printed).not.toContain('serve')
  })

  test.each([[['help']], [['--help']], [['-h']]])('prints help for %j: all commands and variables', async (argv) => {
    const { code, printed } = await run(argv)
    expect(code).toBe(0)
    for (const { name, summary } of Object.values(DESCRIPTIONS)) {
      expect(printed).toContain(name)
      expect(printed).toContain(summary)
    }
    expect(printed).toContain('Environment: GATEHOUSE_X')
  })

  test.each([[['help', 'replay']], [['replay', '--help']], [['replay', '--wrong', '-h']]])(
    'prints the options of one command for %j',
    async (argv) => {
      const { code, printed } = await run(argv)
      expect(code).toBe(0)
      expect(printed).toContain('Usage: gatehouse replay [OPTIONS]')
      expect(printed).toContain('--quarantine')
      expect(printed).toContain('--from N')
      expect(printed).toContain('--config FILE')
    },
  )

  test('prints the version', async () => {
    expect(await run(['version'])).toEqual({ code: 0, printed: 'gatehouse 1.2.3', complained: '' })
    expect((await run(['--version'])).printed).toBe('gatehouse 1.2.3')
  })

  test('gives --config to whoever loads the configuration', async () => {
    let path: string | undefined
    const loadConfig = (given: string | undefined): Loaded<TestConfig> => {
      path = given
      return { ok: true, config: { port: 1 } }
    }
    expect((await run(['check-config', '--config', 'a.toml'], { loadConfig })).code).toBe(0)
    expect(path).toBe('a.toml')
  })

  test('tells what is not wrong, and probably not meant', async () => {
    const loadConfig = (): Loaded<TestConfig> => ({ ok: true, config: { port: 1 }, notes: ['X does nothing'] })
    const printed = 'The configuration is right'
    expect(await run(['check-config'], { loadConfig })).toEqual({ code: 0, printed, complained: 'X does nothing' })
  })

  test('complains of every problem and opens nothing', async () => {
    let isOpened = false
    const wrong = {
      loadConfig: (): Loaded<TestConfig> => ({ ok: false, problems: ['a: found x, wanted y', 'b: found x, wanted y'] }),
      runners: {
        serve: (context: Parameters<typeof withConfig<TestConfig>>[0]) =>
          withConfig(context, () => {
            isOpened = true
            return 0
          }),
      },
    }
    const lines = 'a: found x, wanted y\nb: found x, wanted y\n2 problems in the configuration'
    expect(await run(['check-config'], wrong)).toEqual({ code: 2, printed: '', complained: lines })
    expect(await run(['serve'], wrong)).toEqual({ code: 2, printed: '', complained: lines })
    expect(isOpened).toBe(false)
  })

  test('says what a command throws, and that it failed', async () => {
    const runners = {
      serve: (context: Parameters<typeof withConfig<TestConfig>>[0]) =>
        withConfig(context, () => Promise.reject(new Error('The folder is locked'))),
    }
    expect(await run(['serve'], { runners })).toEqual({ code: 1, printed: '', complained: 'The folder is locked' })
  })
})
