import { expect, test } from 'bun:test'
import { join } from 'node:path'

/** The 41st field of proc(5)'s stat; the name before may hold spaces, so it is counted from behind it. */
const POLICY = 41 - 3
const SCRIPT = `
import { readFileSync } from 'node:fs'
import { stepAside } from ${JSON.stringify(join(import.meta.dir, 'step-aside.ts'))}
const policy = (thread) => readFileSync('/proc/' + thread + '/stat', 'utf8').split(') ').at(-1).split(' ')[${POLICY}]
const before = policy('thread-self')
stepAside()
stepAside()
console.log(before, policy('thread-self'))
`

test.skipIf(process.platform !== 'linux')('a thread that steps aside gives way at once (Linux)', () => {
  const { stdout } = Bun.spawnSync([process.execPath, '-e', SCRIPT])
  expect(stdout.toString().trim()).toMatch(/^\d 5$/)
})
