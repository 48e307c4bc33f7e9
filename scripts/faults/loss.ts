/**
 * A network that loses a fifth of all packets in each direction, and all of them now and then: what platforms say over it,
 * and what a watcher hears over it. Root; `apt-get install nftables iproute2`.
 *
 *   bun scripts/faults/loss.ts [--messages 400] [--percent 20] [--shut 3]
 *
 * After every seven seconds nothing comes through for so many: with 40 the watcher takes its socket for dead and resumes.
 *
 * Platform and watcher live in a network namespace of their own. A webhook is repeated until it is answered 200; the
 * watcher is the client that the console uses.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/core/clock.ts'
import { connectRealtime } from '../../src/realtime/client.ts'
import { APP_SECRET, Bodies, WEBHOOK_PATH } from '../bench/bodies.ts'
import { OWNER_KEY, startServer } from '../bench/servers.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '400' },
    percent: { type: 'string', default: '20' },
    shut: { type: 'string', default: '3' },
    folder: { type: 'string', default: '/var/tmp/gatehouse-loss' },
    port: { type: 'string', default: '18490' },
    client: { type: 'boolean', default: false },
  },
})
const SPACE = 'gatehouse-loss'
const HERE = '10.201.77.1'
const THERE = '10.201.77.2'
const ORIGIN = `http://${HERE}:${values.port}`
const TRY_MS = 4_000
const AT_ONCE = 8
const OPEN_MS = 7_000
const SHUT_MS = Number(values.shut) * 1000
const SETTLE_MS = 180_000

function run(command: string, input?: string): void {
  const { exitCode, stderr } = Bun.spawnSync(command.split(' '), { stdin: input ? Buffer.from(input) : 'ignore' })
  if (exitCode !== 0) throw new Error(`${command}: ${stderr}`)
}

function lose(percent: number): void {
  const chain = (hook: string) =>
    `chain ${hook} {\n type filter hook ${hook} priority 0; policy accept;\n ${percent >= 100 ? 'drop' : `numgen random mod 100 < ${percent} drop`}\n}\n`
  run(
    `ip netns exec ${SPACE} nft -f -`,
    `table inet loss\ndelete table inet loss\ntable inet loss {\n${chain('input')}${chain('output')}}\n`,
  )
}

function idsOf(count: number): string[] {
  const bodies = bodiesOf()
  return Array.from({ length: count }, () => /"id":"(wamid[^"]+)"/.exec(bodies.next(0))?.[1] ?? '')
}

function bodiesOf(): Bodies {
  return new Bodies({ seed: 3, batch: 1, statusShare: 0, idPrefix: 'loss' })
}

/** Inside the namespace: platform and watcher. Prints what was heard. */
async function client(): Promise<void> {
  const count = Number(values.messages)
  const heard = new Map<string, number>()
  let upto = 0
  let gaps = 0
  let reconnects = 0
  const watcher = connectRealtime({
    url: `${ORIGIN.replace('http', 'ws')}/realtime`,
    after: 0,
    ticket: async () => {
      const headers = { Authorization: `Bearer ${OWNER_KEY}` }
      const answer = await fetch(`${ORIGIN}/api/v1/realtime/tickets`, {
        method: 'POST',
        headers,
        signal: AbortSignal.timeout(TRY_MS),
      })
      return ((await answer.json()) as { ticket: string }).ticket
    },
    onEvents: (events, to) => {
      if (to <= upto) gaps += 1
      upto = to
      for (const event of events) {
        const id = (event.data as { message?: { upstream_id?: string } }).message?.upstream_id
        if (event.type === 'message.received' && id) heard.set(id, (heard.get(id) ?? 0) + 1)
      }
    },
    onState: (state) => {
      if (state === 'waiting') reconnects += 1
    },
    onGone: () => {
      gaps += 1
      return undefined
    },
  })
  const bodies = bodiesOf()
  const queue = Array.from({ length: count }, () => bodies.next(systemClock.epochMs()))
  let tries = 0
  const sender = async () => {
    for (let body = queue.shift(); body !== undefined; body = queue.shift()) {
      const signature = new Bun.CryptoHasher('sha256', APP_SECRET).update(body).digest('hex')
      for (let status = 0; status !== 200; ) {
        tries += 1
        const headers = { 'X-Hub-Signature-256': `sha256=${signature}`, 'Content-Type': 'application/json' }
        const answer = await fetch(ORIGIN + WEBHOOK_PATH, {
          method: 'POST',
          body,
          headers,
          signal: AbortSignal.timeout(TRY_MS),
        }).catch(() => undefined)
        status = answer?.status ?? 0
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sender))
  const ids = idsOf(count)
  const endMs = systemClock.monoMs() + SETTLE_MS
  while (ids.some((id) => !heard.has(id)) && systemClock.monoMs() < endMs) await Bun.sleep(50)
  watcher.close()
  const lost = ids.filter((id) => !heard.has(id)).length
  const doubled = [...heard.values()].filter((times) => times > 1).length
  console.log(
    JSON.stringify({ messages: count, tries, lost, doubled, phantom: heard.size - (count - lost), gaps, reconnects }),
  )
}

async function main(): Promise<number> {
  process.env['GATEHOUSE_HTTP_HOST'] = '0.0.0.0'
  Bun.spawnSync(['ip', 'netns', 'del', SPACE])
  run(`ip netns add ${SPACE}`)
  let server: Awaited<ReturnType<typeof startServer>> | undefined
  let isOver = false
  let child: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined
  try {
    run(`ip link add gh-loss0 type veth peer name gh-loss1 netns ${SPACE}`)
    run(`ip addr add ${HERE}/30 dev gh-loss0`)
    run('ip link set gh-loss0 up')
    run(`ip netns exec ${SPACE} ip addr add ${THERE}/30 dev gh-loss1`)
    run(`ip netns exec ${SPACE} ip link set gh-loss1 up`)
    server = await startServer('gatehouse', { folder: values.folder, port: Number(values.port), logLevel: 'warn' })
    lose(Number(values.percent))
    const words = [
      'ip',
      'netns',
      'exec',
      SPACE,
      process.execPath,
      import.meta.path,
      '--client',
      '--messages',
      values.messages,
      '--port',
      values.port,
    ]
    child = Bun.spawn(words, { cwd: join(import.meta.dir, '../..'), stdout: 'pipe', stderr: 'inherit' })
    void child.exited.then(() => {
      isOver = true
    })
    while (!isOver) {
      await Promise.race([child.exited, Bun.sleep(OPEN_MS)])
      if (!isOver) lose(100)
      await Promise.race([child.exited, Bun.sleep(SHUT_MS)])
      if (!isOver) lose(Number(values.percent))
    }
    const text = await new Response(child.stdout).text()
    console.log(text.trim())
    const { lost, doubled, phantom, gaps } = JSON.parse(text)
    return lost + doubled + phantom + gaps === 0 ? 0 : 1
  } finally {
    child?.kill('SIGKILL')
    await server?.stop()
    Bun.spawnSync(['ip', 'netns', 'del', SPACE])
    rmSync(values.folder, { recursive: true, force: true })
  }
}

if (values.client) await client()
process.exit(values.client ? 0 : await main())
