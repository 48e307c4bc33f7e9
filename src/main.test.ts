import { describe, expect, test } from 'bun:test'

/** Runs the program as a person would, with only this environment and no file beside it. */
async function gatehouse(words: string[], env: Record<string, string> = {}) {
  const main = new URL('./main.ts', import.meta.url).pathname
  const child = Bun.spawn([process.execPath, main, ...words], { env, cwd: '/', stdout: 'pipe', stderr: 'pipe' })
  const [printed, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, printed, complained }
}

describe('the program', () => {
  test('answers 0 and the whole help, also through a pipe', async () => {
    const { code, printed } = await gatehouse(['--help'])
    expect(code).toBe(0)
    expect(printed).toStartWith('gatehouse: ')
    expect(printed).toEndWith('which declares apps and numbers too.\n')
  })

  test('answers 2 for a command that is none', async () => {
    const { code, printed, complained } = await gatehouse(['srve'])
    expect({ code, printed }).toEqual({ code: 2, printed: '' })
    expect(complained).toContain('Unknown command "srve"')
  })

  test('answers 0 for a right configuration and 2 for a wrong one, with every problem', async () => {
    expect((await gatehouse(['check-config'])).code).toBe(0)
    const env = { GATEHOUSE_HTTP_PORT: 'x', GATEHOUSE_LOG_LEVEL: 'loud', GATEHOUSE_CONFIG: '/absent.toml' }
    const { code, complained } = await gatehouse(['check-config'], env)
    expect(code).toBe(2)
    for (const variable of Object.keys(env)) expect(complained).toContain(`${variable}: `)
    expect(complained).toEndWith('3 problems in the configuration\n')
  })
})
