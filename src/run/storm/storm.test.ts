import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stormOptions } from '../../cli/storm-options.ts'
import { pause, systemClock } from '../../core/clock.ts'
import { CRASHABLE_PROGRAM } from '../../testing/program.ts'

// A busy machine takes its time.
setDefaultTimeout(60_000)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-storm-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Its folder is named as one does who stands in it. */
function startStorm(...options: string[]) {
  return Bun.spawn([...CRASHABLE_PROGRAM, 'storm', '--folder', '.', '--sockets', '2', ...options], {
    cwd: folder,
    // A configured house that must not be touched: its folder cannot even be made.
    env: { PATH: '/usr/bin:/bin', GATEHOUSE_DATA_DIR: '/proc/nowhere', GATEHOUSE_HTTP_PORT: '1' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

test('measures two small loads in a sandbox, reports them, and leaves nothing', async () => {
  const storm = startStorm('--loads', '20,40', '--seconds', '1', '--json')
  const [text, complaints, code] = await Promise.all([
    new Response(storm.stdout).text(),
    new Response(storm.stderr).text(),
    storm.exited,
  ])
  expect({ code, complaints: code === 0 ? '' : complaints }).toEqual({ code: 0, complaints: '' })
  const report = JSON.parse(text)
  expect(report.machine.cores).toBeGreaterThan(0)
  expect(report.machine.fsyncMs.p50).toBeGreaterThan(0)
  expect(report.steps.map((step: { load: number }) => step.load)).toEqual([20, 40])
  for (const step of report.steps) {
    // 1 s of each load after the warm-up; every fourth message is answered.
    expect(step.answer.count + step.refused + step.unanswered).toBeGreaterThanOrEqual(step.load)
    expect(step.screen.count).toBeGreaterThan(0)
    expect(step.reply.count).toBeGreaterThan(0)
    expect(step.residentBytes).toBeGreaterThan(10_000_000)
    expect(step.cpu.house).toBeGreaterThan(0)
  }
  expect(report.judgement.ideal ?? report.judgement.breaking).not.toBeNull()
  expect(readdirSync(folder)).toEqual([])
})

test('asked to stop, ends what it started and removes its folder', async () => {
  const storm = startStorm('--loads', '20,40,80', '--seconds', '1')
  const reader = storm.stderr.getReader()
  let said = ''
  // Its first word of a step: by then everything runs.
  while (!said.includes('a second:')) said += new TextDecoder().decode((await reader.read()).value)
  const sandbox = readdirSync(folder)
  expect(sandbox).toHaveLength(1)
  storm.kill('SIGINT')
  expect(await storm.exited).toBe(1)
  expect(readdirSync(folder)).toEqual([])
  const left = Bun.spawnSync(['ps', '-eo', 'args']).stdout.toString()
  expect(left).not.toContain(sandbox[0] ?? 'no sandbox')
})

test('killed while its sandbox starts, leaves nothing either', async () => {
  const storm = startStorm('--loads', '20', '--seconds', '1')
  const pids = () =>
    (
      Bun.spawnSync(['ps', '-eo', 'pid,args'])
        .stdout.toString()
        .match(/^ *\d+ .* serve --config .*gatehouse-storm-.*$/gm) ?? []
    ).filter((line) => line.includes(folder))
  while (pids().length === 0) await pause(systemClock, 20)
  storm.kill('SIGKILL')
  await storm.exited
  while (pids().length > 0 || readdirSync(folder).length > 0) await pause(systemClock, 20)
})

test('says in words where no sandbox can be made', async () => {
  writeFileSync(join(folder, 'file'), '')
  const storm = startStorm('--folder', 'file')
  expect(await new Response(storm.stderr).text()).toMatch(/^No sandbox can be made in file: .*\n$/)
  expect(await storm.exited).toBe(2)
  rmSync(join(folder, 'file'))
})

test.skipIf(Bun.which('taskset') === null)('counts the processors that it may run on (needs taskset)', async () => {
  const module = new URL('machine.ts', import.meta.url).pathname
  const script = `console.log((await import('${module}')).processorCount())`
  const { stdout } = Bun.spawnSync(['taskset', '-c', '0', process.execPath, '-e', script])
  expect(stdout.toString()).toBe('1\n')
})

describe('the options', () => {
  test.each([
    [{ seconds: '0' }, '--seconds'],
    [{ seconds: '1.5' }, '--seconds'],
    [{ sockets: '5001' }, '--sockets'],
    [{ last: 'many' }, '--last'],
    [{ loads: '200,100' }, '--loads'],
    [{ loads: '1,x' }, '--loads'],
    [{ loads: '' }, '--loads'],
  ])('%j are refused in words', (options, word) => {
    expect(stormOptions(options)).toContain(word)
  })

  test('quick is shorter, and what is said goes before it', () => {
    expect(stormOptions({})).toMatchObject({ warmUpMs: 3000, measureMs: 12_000, finer: 3, loads: undefined })
    expect(stormOptions({ quick: true })).toMatchObject({ measureMs: 5000, finer: 1 })
    expect(stormOptions({ quick: true, seconds: '9' })).toMatchObject({ measureMs: 9000 })
  })
})
