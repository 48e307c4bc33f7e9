import { expect, test } from 'bun:test'
import { VERSIONS } from '../relay/forms.ts'
import { versionCommand } from './version.ts'

async function said(options: Record<string, boolean>): Promise<string> {
  const lines: string[] = []
  const context = {
    options,
    operand: undefined,
    loadConfig: () => ({ ok: false as const, problems: ['it reads no configuration'] }),
    print: (line: string) => void lines.push(line),
    complain: () => {},
  }
  expect(await versionCommand(context)).toBe(0)
  return lines.join('\n')
}

test('the version names the program, its engine and every database it knows', async () => {
  const text = await said({})
  expect(text).toMatch(/^gatehouse \d+\.\d+\.\d+\n/)
  expect(text).toContain(`with Bun ${Bun.version} and SQLite 3.`)
  expect(text).toContain(`records ${VERSIONS['records']}`)
  expect(JSON.parse(await said({ json: true }))).toMatchObject({
    name: 'gatehouse',
    commit: null,
    built_at: null,
    bun: Bun.version,
    target: `${process.platform}-${process.arch}`,
    schemas: VERSIONS,
  })
})
