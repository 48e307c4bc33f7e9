/**
 * What a backup costs those who are answered meanwhile: webhooks at a steady rate without and during backups, which
 * follow each other for as long as the load lasts, and how long a gigabyte takes.
 *
 *   bun scripts/bench/backup.ts [--messages 300000] [--rate 1000] [--seconds 20] [--folder /var/tmp/gatehouse-bench]
 *                               [--port 19200] [--ship yes]
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Gauges } from '../../src/run/storm/gauges.ts'
import { fill } from './generate.ts'
import { LOAD_DEFAULTS, type LoadResult } from './load.ts'
import { optionsOf } from './options.ts'
import { OWNER_KEY, prepareHouse, type RunningServer, removeFolder, startServer } from './servers.ts'

const WARM_UP_SECONDS = 3
/** What the design allows the answers to rise by. */
const RISE_MS_MAX = 50

interface Options {
  messages: number
  rate: number
  seconds: number
  folder: string
  port: number
  ship: boolean
}

interface Taken {
  seconds: number
  bytes: number
}

class BackupBench {
  readonly #options: Options
  readonly #folder: string
  #runs = 0

  constructor(options: Options) {
    this.#options = options
    this.#folder = join(options.folder, `backup-${options.messages}`)
  }

  async run(): Promise<void> {
    const { messages, port, rate, seconds, ship } = this.#options
    if (!existsSync(join(this.#folder, 'data/records.db'))) await fill(this.#folder, messages)
    const second = join(this.#folder, 'second')
    if (ship) process.env['GATEHOUSE_BACKUP_SHIP_FOLDER'] = second
    const server = await startServer('gatehouse', { folder: this.#folder, port })
    try {
      await this.#untilIndexed(server)
      await this.#load(server, WARM_UP_SECONDS)
      const without = await this.#load(server, seconds)
      const taken: Taken[] = []
      let isLoading = true
      const backups = this.#takeWhile(() => isLoading, taken)
      const during = await this.#load(server, seconds)
      isLoading = false
      await backups
      this.#show({ without, during, taken })
      const gauges = await Gauges.read(server.origin)
      if (ship) console.log(`  journal shipped: ${gauges.value('journal_ship_lag_seconds')} s behind at the end`)
      console.log(`  ${rate}/s for ${seconds} s each, ${messages} messages present`)
    } finally {
      await server.stop()
      for (const name of ['backups', 'vaults', 'second']) removeFolder(join(this.#folder, name))
    }
  }

  async #takeWhile(isWanted: () => boolean, taken: Taken[]): Promise<void> {
    while (isWanted()) taken.push(await this.#take())
  }

  /** Through the socket in the folder, as the command does: a process of its own would take its share of the machine. */
  async #take(): Promise<Taken> {
    const { dataDir } = prepareHouse(this.#folder)
    const response = await fetch('http://house/backup', {
      unix: join(dataDir, 'control.sock'),
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ to: join(this.#folder, 'backups'), vault_to: join(this.#folder, 'vaults') }),
      timeout: false,
    } as BunFetchRequestInit)
    const done = (await response.json()) as Taken & { detail?: string }
    if (!response.ok) throw new Error(`The backup failed: ${done.detail}`)
    return { seconds: done.seconds, bytes: done.bytes }
  }

  /** A folder that was just filled has no word index yet: making it would be measured instead. */
  async #untilIndexed(server: RunningServer): Promise<void> {
    for (;;) {
      const headers = { Authorization: `Bearer ${OWNER_KEY}` }
      const response = await fetch(`${server.origin}/api/v1/search?q=parcel`, { headers })
      const answer = (await response.json()) as { complete?: boolean }
      if (answer.complete === true) return
      if (!response.ok) throw new Error(`The search answers ${response.status}`)
      await Bun.sleep(500)
    }
  }

  async #load(server: RunningServer, seconds: number): Promise<LoadResult> {
    this.#runs += 1
    const plan = {
      ...LOAD_DEFAULTS,
      url: server.url,
      rate: this.#options.rate,
      seconds,
      idPrefix: `${process.pid}.${Date.now()}.${this.#runs}`,
    }
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'load.ts'), JSON.stringify(plan)], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    return JSON.parse(await new Response(child.stdout).text()) as LoadResult
  }

  #show({ without, during, taken }: { without: LoadResult; during: LoadResult; taken: Taken[] }): void {
    for (const [name, { latency, statuses }] of Object.entries({ without, during })) {
      const { p50, p99, p999, max } = latency
      console.log(
        `  ${name.padEnd(8)} p50 ${p50}  p99 ${p99}  p99.9 ${p999}  max ${max} ms  ${JSON.stringify(statuses)}`,
      )
    }
    const rise = during.latency.p999 - without.latency.p999
    const bytes = taken.reduce((sum, one) => sum + one.bytes, 0)
    const seconds = taken.reduce((sum, one) => sum + one.seconds, 0)
    const verdict = rise <= RISE_MS_MAX ? 'holds' : 'does not hold'
    console.log(`  p99.9 rises by ${rise.toFixed(1)} ms (at most ${RISE_MS_MAX}): ${verdict}`)
    const records = statSync(join(this.#folder, 'data/records.db')).size
    console.log(
      `  ${taken.length} backups of ${(bytes / taken.length / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s: ` +
        `${((seconds / bytes) * 1e9).toFixed(1)} s a gigabyte; records.db ${(records / 1e6).toFixed(0)} MB`,
    )
  }
}

const options = optionsOf(process.argv.slice(2), {
  messages: '300000',
  rate: '1000',
  seconds: '20',
  folder: '/var/tmp/gatehouse-bench',
  port: '19200',
  ship: 'no',
})
await new BackupBench({
  messages: Number(options.messages),
  rate: Number(options.rate),
  seconds: Number(options.seconds),
  folder: options.folder,
  port: Number(options.port),
  ship: options.ship === 'yes',
}).run()
