import { describe, expect, test } from 'bun:test'
import { systemClock } from '../../core/clock.ts'
import { hasProxy, PROXY_KINDS } from './proxies.ts'
import { runProxy } from './proxy-run.ts'

const TEST_MS_MAX = 60_000
/** Quiet it is a second or two, and the long form measures it; a busy machine takes longer to start a house. */
const RESUME_MS_MAX = 20_000

describe('with the shipped file in front of a house', () => {
  for (const kind of PROXY_KINDS) {
    // The long form is scripts/faults/proxy.ts.
    test.skipIf(!hasProxy(kind))(
      `${kind} passes what it should, and sockets come back after a reload and a restart (needs Debian's ${kind})`,
      async () => {
        const seed = systemClock.epochMs() % 2 ** 31
        const faults = ['proxy reloads', 'house restarts'] as const
        const report = await runProxy({ kind, seed, sockets: 5, rounds: 1, faults, idleMs: 0 })
        expect(report.wrong).toEqual([])
        expect(report.resumeMs.get('house restarts')).toHaveLength(5)
        for (const times of report.resumeMs.values()) {
          for (const ms of times) expect(ms).toBeLessThan(RESUME_MS_MAX)
        }
      },
      TEST_MS_MAX,
    )
  }
})
