/**
 * Puts Debian's Caddy and nginx, with the files under config/, before a real house, and restarts everybody under open
 * sockets: `bun scripts/faults/proxy.ts [--proxy caddy] [--rounds 10] [--sockets 100] [--idle 70] [--seed N]
 * [--binary dist/gatehouse]`. Needs `apt-get install caddy nginx openssl`.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { hasProxy, PROXY_KINDS } from '../../src/testing/proxy/proxies.ts'
import { PROXY_FAULTS, type ProxyReport, runProxy } from '../../src/testing/proxy/proxy-run.ts'

/** After an end, 95 % are to be up to date again in this time; who takes longer is counted. */
const RESUME_MS_MAX = 5_000

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      proxy: { type: 'string' },
      rounds: { type: 'string', default: '10' },
      sockets: { type: 'string', default: '100' },
      idle: { type: 'string', default: '70' },
      seed: { type: 'string', default: '1' },
      binary: { type: 'string' },
    },
  })
  let failures = 0
  for (const kind of PROXY_KINDS.filter((one) => values.proxy === undefined || values.proxy === one)) {
    if (!hasProxy(kind)) {
      console.log(`${kind}: left out, it is not installed`)
      failures++
      continue
    }
    const report = await runProxy({
      kind,
      seed: Number(values.seed),
      sockets: Number(values.sockets),
      rounds: Number(values.rounds),
      faults: PROXY_FAULTS,
      idleMs: Number(values.idle) * 1000,
      command: values.binary === undefined ? undefined : [resolve(values.binary)],
    })
    failures += tell(report)
  }
  return failures === 0 ? 0 : 1
}

function tell({ kind, wrong, messages, events, resumeMs, survived, refused }: ProxyReport): number {
  console.log(`${kind}: ${messages} messages, ${events} events`)
  let slow = 0
  let late = 0
  for (const [fault, times] of resumeMs) {
    const sorted = times.toSorted((one, other) => one - other)
    const at = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
    slow += sorted.filter((ms) => ms >= RESUME_MS_MAX).length
    if (at(0.95) >= RESUME_MS_MAX) late++
    const kept = survived.get(fault) ?? 0
    console.log(
      `  ${fault}: ${kept} sockets lived on, ${sorted.length} resumed; p50 ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)} ms`,
    )
  }
  for (const [what, count] of refused) console.log(`  webhooks answered before 200, ${what}: ${count}`)
  if (slow > 0) console.log(`  ${slow} resumes took ${RESUME_MS_MAX} ms or more`)
  for (const one of wrong.slice(0, 20)) console.log(`  WRONG: ${one}`)
  console.log(`  ${wrong.length} wrong`)
  return wrong.length + late
}

process.exit(await main())
