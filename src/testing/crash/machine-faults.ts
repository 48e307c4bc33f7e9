import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pause, systemClock } from '../../core/clock.ts'
import { daysIn } from '../../journal/day-file.ts'
import type { Send } from '../../simulator/sends.ts'
import { Db } from '../../storage/database.ts'
import { quantile } from './crash-report.ts'
import type { Fault, Struck } from './crash-run.ts'
import type { MountedDisk } from './cut-disk.ts'
import { untilSo } from './process-faults.ts'
import { brokenCount, underBrokenCalls, WrongClock } from './under.ts'

const LOAD_MS = 600
const LOOK_MS = 50
/** A start makes fewer syncs than this on each thread: the slow disk begins behind it. */
const START_SYNCS = 16
const COMPOUND_MS = 1500
/** A file of 100 MB is fetched and sealed in less. */
const FILE_MS_MAX = 3000

/** Another program holds a database: a transaction that writes, or one that only reads and keeps the log from being taken in. */
export function lockFault(
  which: 'records' | 'journal' | 'vault',
  holds: 'writing' | 'reading',
  seconds: number,
): Fault {
  return {
    name: `${which} held ${holds} for ${seconds} s`,
    async strike(struck) {
      const house = await struck.startWell()
      await pause(systemClock, LOAD_MS)
      const { dataFolder } = struck.stand
      const day = daysIn(join(dataFolder, 'journal')).at(-1)
      const path = join(dataFolder, which === 'journal' ? `journal/${day}.db` : `${which}.db`)
      const other = new Db(path, { readonly: holds === 'reading' })
      other.script(holds === 'reading' ? 'BEGIN' : 'BEGIN IMMEDIATE')
      other.one('SELECT count(*) FROM sqlite_schema')
      let logBytes = 0
      const endMs = systemClock.monoMs() + seconds * 1000
      while (systemClock.monoMs() < endMs) {
        logBytes = Math.max(logBytes, statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
        await pause(systemClock, LOOK_MS)
      }
      other.script('ROLLBACK')
      other.close()
      const freeMs = systemClock.monoMs()
      await untilSo(struck, 'a webhook is answered 200', () => struck.progress().answeredAtMs > freeMs)
      struck.figure(`${which} held ${holds}, ms until a 200 after it was let go`, systemClock.monoMs() - freeMs)
      struck.figure(`${which} held ${holds}, largest log in KiB`, logBytes / 1024)
      if (house.hasExited()) struck.wrong(`${which} held for ${seconds} s ends the house:\n${house.tail()}`)
    },
  }
}

/** Every sync takes so long: the loop and the sockets go on, and what comes in is taken slowly or refused. */
export function slowDiskFault(syncMs: number, seconds: number): Fault {
  return {
    name: `a sync takes ${syncMs} ms`,
    async strike(struck) {
      const logPath = join(struck.stand.folder, 'strace.txt')
      rmSync(logPath, { force: true })
      const how = `delay_enter=${syncMs * 1000}`
      const house = await struck.startWell(underBrokenCalls({ call: 'fsync', how, when: `${START_SYNCS}+`, logPath }))
      await untilSo(struck, 'a sync is slow', () => brokenCount(logPath) > 0)
      const before = { ...struck.progress(), lag: await loopLag(struck), answered: struck.progress().tookMs.length }
      await pause(systemClock, seconds * 1000)
      const { shed, tookMs } = struck.progress()
      struck.figure(`sync ${syncMs} ms: loop lag p99, ms`, lagQuantile(before.lag, await loopLag(struck), 0.99) * 1000)
      struck.figure(`sync ${syncMs} ms: webhooks answered`, tookMs.length - before.answered)
      struck.figure(`sync ${syncMs} ms: webhooks refused with 503`, shed - before.shed)
      struck.figure(`sync ${syncMs} ms: a 200 takes, ms, p99`, quantile(tookMs.slice(before.answered), 0.99))
      if (house.hasExited()) struck.wrong(`syncs of ${syncMs} ms end the house:\n${house.tail()}`)
    },
  }
}

/** Cumulative counts by bucket bound, seconds. */
async function loopLag(struck: Struck): Promise<Map<number, number>> {
  const text = (await (await struck.stand.api('/metrics'))?.text()) ?? ''
  const found = text.matchAll(/^gatehouse_loop_lag_seconds_bucket\{le="([^"]+)"[^}]*\} (\d+)/gm)
  return new Map([...found].map(([, bound, count]) => [bound === '+Inf' ? 10 : Number(bound), Number(count)]))
}

function lagQuantile(before: Map<number, number>, after: Map<number, number>, share: number): number {
  const counts = [...after].map(([bound, count]) => ({ bound, count: count - (before.get(bound) ?? 0) }))
  const all = Math.max(0, ...counts.map(({ count }) => count))
  return counts.find(({ count }) => count >= all * share)?.bound ?? Number.NaN
}

/** The wall clock is set, again and again; what leaves stays within the limits, and everything else goes on. */
export function clockFault(name: string, offsetsS: readonly number[], stepMs: number): Fault {
  return {
    name: `clock ${name}`,
    async strike(struck) {
      const clock = new WrongClock(join(struck.stand.folder, 'clock.txt'))
      const house = await struck.startWell(clock.under)
      for (const offset of offsetsS) {
        clock.set(offset)
        const setMs = systemClock.monoMs()
        await pause(systemClock, stepMs)
        await untilSo(struck, `after the clock was set to ${offset} s`, () => struck.progress().answeredAtMs > setMs)
      }
      struck.figure('most sends of a number in a second', await mostInASecond(struck))
      if (house.hasExited()) struck.wrong(`the clock (${name}) ends the house:\n${house.tail()}`)
    },
  }
}

async function mostInASecond(struck: Struck): Promise<number> {
  const { items } = await struck.stand.platform<{ items: Send[] }>('GET', 'sends?after=0&limit=10000')
  const byNumber = Map.groupBy(items, ({ number }) => number)
  let most = 0
  for (const sends of byNumber.values()) {
    const times = sends.map(({ at }) => Date.parse(at)).sort((one, other) => one - other)
    for (const [index, at] of times.entries()) {
      const first = times.findIndex((time) => time > at - 1000)
      most = Math.max(most, index - first + 1)
    }
  }
  return most
}

/** Nothing is left on the disk for a while: what comes in is refused, and taken again without a restart. */
export function fullDiskFault(disk: MountedDisk, seconds: number): Fault {
  return {
    name: `no space for ${seconds} s`,
    async strike(struck) {
      const house = await struck.startWell()
      await pause(systemClock, LOAD_MS)
      const filler = join(disk.mount, 'filler')
      const { shed } = struck.progress()
      const endMs = systemClock.monoMs() + seconds * 1000
      for (let index = 0; systemClock.monoMs() < endMs; index++) {
        fillUp(`${filler}-${index}`)
        await pause(systemClock, LOOK_MS)
      }
      struck.figure('refused with 503 while full', struck.progress().shed - shed)
      await Bun.$`rm -f ${{ raw: `${filler}-*` }}`.quiet()
      const freeMs = systemClock.monoMs()
      await untilSo(struck, 'a webhook is answered 200', () => struck.progress().answeredAtMs > freeMs)
      struck.figure('ms until a 200 once there was space', systemClock.monoMs() - freeMs)
      if (house.hasExited()) struck.wrong(`a full disk ends the house:\n${house.tail()}`)
    },
  }
}

function fillUp(path: string): void {
  for (const size of [1 << 22, 1 << 16, 4096]) {
    try {
      for (let index = 0; index < 100; index++) writeFileSync(path, new Uint8Array(size), { flag: 'a' })
    } catch {
      // Full: the rest is filled with smaller pieces.
    }
  }
}

/** The power goes under load, the next start dies at its Nth call, the one after that meets a broken disk; the third is well. */
export function compoundFault(disk: MountedDisk, nth: number): Fault {
  return {
    name: 'power cut, killed start, broken start',
    async strike(struck) {
      const first = await struck.startWell()
      await pause(systemClock, LOAD_MS * struck.random())
      await disk.cut()
      await first.kill()
      await disk.comeBack()
      const logPath = join(struck.stand.folder, 'strace.txt')
      const call = nth % 2 === 0 ? 'fsync' : 'pwrite64'
      for (const how of ['signal=SIGKILL', 'error=EIO']) {
        rmSync(logPath, { force: true })
        const dying = struck.start(underBrokenCalls({ call, how, when: String(nth), logPath }))
        if (await dying.endsWithin(COMPOUND_MS)) continue
        await disk.cut()
        await dying.kill()
        await disk.comeBack()
      }
      const startedMs = systemClock.monoMs()
      await struck.startWell()
      struck.figure('third start, ms to ready', systemClock.monoMs() - startedMs)
      await pause(systemClock, LOAD_MS)
    },
  }
}

/** Cgroup v1, as a folder of the kernel. */
export class MemoryLimit {
  readonly #path: string

  constructor(name: string, bytes: number) {
    this.#path = `/sys/fs/cgroup/memory/${name}`
    Bun.spawnSync(['mkdir', '-p', this.#path])
    writeFileSync(join(this.#path, 'memory.limit_in_bytes'), String(bytes))
  }

  get under() {
    const script = `echo $$ > ${this.#path}/tasks && exec "$@"`
    return { wrap: ['/bin/sh', '-c', script, 'sh'] }
  }

  mostMib(): number {
    return Number(readFileSync(join(this.#path, 'memory.max_usage_in_bytes'), 'utf8')) / 2 ** 20
  }

  remove(): void {
    Bun.spawnSync(['rmdir', this.#path])
  }
}

/** Large files come in under a small limit: it lives on, or dies and starts again. */
export function memoryFault(limit: MemoryLimit, files: number, fileMb: number): Fault {
  return {
    name: `${files} files of ${fileMb} MB`,
    async strike(struck) {
      const house = await struck.startWell(limit.under)
      const answer = await fetch(`${struck.stand.simulatorUrl}/_/media`, {
        method: 'POST',
        body: new TextEncoder().encode('%PDF-1.7 '),
        headers: { 'Content-Type': 'application/pdf' },
      })
      const { id } = (await answer.json()) as { id: string }
      await struck.stand.platform('POST', 'faults', { kind: 'media_huge', size: fileMb })
      for (let index = 0; index < files; index++) {
        const written = await struck.stand.platform<{ id: string }>('POST', 'customers/447700911111/messages?wait=1', {
          number: 'desk-1',
          message: { type: 'document', document: { id, filename: `plan-${index}.pdf`, mime_type: 'application/pdf' } },
        })
        struck.offered(written.id)
      }
      const exit = await house.endsWithin(files * FILE_MS_MAX)
      struck.figure('most memory, MiB', limit.mostMib())
      struck.figure('ended by the kernel', exit ? 1 : 0)
      if (exit && exit.signal !== 'SIGKILL') struck.wrong(`little memory: ended with ${JSON.stringify(exit)}`)
    },
  }
}
