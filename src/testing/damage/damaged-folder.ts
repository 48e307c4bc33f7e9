import { cpSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../../core/assert.ts'
import { systemClock } from '../../core/clock.ts'
import { daysIn } from '../../journal/day-file.ts'
import { SendProducer } from '../crash/send-producer.ts'
import { CRASH_NUMBERS, CrashStand } from '../crash/stand.ts'
import { makeCustomers, WebhookProducer } from '../crash/webhook-producer.ts'
import { filesIn } from '../sealed-cells.ts'
import { until } from '../test-gateway.ts'

const CUSTOMERS = 12
const MEDIA_BYTES = 150_000
const BITS = 8

export interface Folders {
  /** Of a house that was killed: its last commits are in the write-ahead logs. */
  killed: string
  /** Of a house that was stopped: all is in the files themselves. */
  stopped: string
  masterKey: Uint8Array
  /** When the house began: at a later day's start each copy would get another new key. */
  nowMs: number
  remove(): void
}

/** Lets a real house take messages, a file and sends in, and keeps its folder after a kill and after a stop. */
export async function makeFolders(random: () => number, messages: number): Promise<Folders> {
  const stand = await CrashStand.build({ random })
  const nowMs = systemClock.epochMs()
  const house = stand.start()
  await house.ready()
  const customers = makeCustomers(CUSTOMERS)
  const webhooks = new WebhookProducer(stand, customers, random)
  const sends = new SendProducer(stand, customers, random)
  await webhooks.greet()
  await sendFile(stand, random)
  const load = [webhooks.run(4), webhooks.run(4), sends.run(10)]
  await until('enough was written', async () => webhooks.acknowledged.size >= messages)
  webhooks.stop()
  sends.stop()
  await Promise.all(load)
  await until('the file is there', async () =>
    filesIn(join(stand.dataFolder, 'media')).some((path) => !path.includes('incoming')),
  )
  await until('all is sent and told', async () => {
    const { webhooks: left } = await stand.platform<{ webhooks: { pending: number } }>('GET', 'health')
    const text = (await (await stand.api('/metrics'))?.text()) ?? ''
    return left.pending === 0 && !/^gatehouse_queue_messages\{[^}]*\} [1-9]/m.test(text)
  })
  await house.kill()
  const killed = `${stand.dataFolder}.killed`
  copyFolder(stand.dataFolder, killed)
  const next = stand.start()
  await next.ready()
  await next.stop()
  const stopped = `${stand.dataFolder}.stopped`
  copyFolder(stand.dataFolder, stopped)
  await stand.close(true)
  return {
    killed,
    stopped,
    masterKey: stand.masterKey,
    nowMs,
    remove: () => rmSync(stand.folder, { recursive: true, force: true }),
  }
}

async function sendFile(stand: CrashStand, random: () => number): Promise<void> {
  const bytes = Uint8Array.from({ length: MEDIA_BYTES }, () => Math.floor(random() * 256))
  bytes.set(new TextEncoder().encode('%PDF-1.7 '))
  const answer = await fetch(`${stand.simulatorUrl}/_/media`, {
    method: 'POST',
    body: bytes,
    headers: { 'Content-Type': 'application/pdf' },
  })
  const { id } = (await answer.json()) as { id: string }
  await stand.platform('POST', 'customers/447700911111/messages?wait=1', {
    number: CRASH_NUMBERS[0].alias,
    message: { type: 'document', document: { id, filename: 'plan.pdf', mime_type: 'application/pdf' } },
  })
}

export function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') })
}

/** One file of a folder and what is done to it. */
export interface Damage {
  from: 'killed' | 'stopped'
  /** What kind of file: `records.db-wal`. */
  target: string
  path: string
  how: string
  apply(folder: string): void
}

/** The files that a flip may hit. Each kind is as likely as the others, however large its file. */
function targetsOf(folders: Folders): { from: 'killed' | 'stopped'; target: string; path: string }[] {
  const day = must(daysIn(join(folders.killed, 'journal')).at(-1), 'the day')
  const media = must(
    filesIn(join(folders.killed, 'media')).find((path) => !path.includes('incoming')),
    'the file',
  )
  const inKilled = [
    ['journal log', join('journal', `${day}.db-wal`)],
    ['journal index', join('journal', `${day}.db-shm`)],
    ['journal mark', join('journal', 'high-water')],
    ['records log', 'records.db-wal'],
    ['records index', 'records.db-shm'],
    ['records mark', 'records-high-water'],
    ['vault log', 'vault.db-wal'],
    ['media', media.slice(folders.killed.length + 1)],
  ] as const
  const inStopped = [
    ['journal', join('journal', `${day}.db`)],
    ['records', 'records.db'],
    ['vault', 'vault.db'],
    ['search', 'search.db'],
  ] as const
  return [
    ...inKilled.map(([target, path]) => ({ from: 'killed' as const, target, path })),
    ...inStopped.map(([target, path]) => ({ from: 'stopped' as const, target, path })),
  ].filter(({ from, path }) => existsSync(join(folders[from], path)) && statSync(join(folders[from], path)).size > 0)
}

/** One bit of a byte, anywhere in one of the files. */
export function randomFlip(folders: Folders, random: () => number, index: number, only: string | null = null): Damage {
  const targets = targetsOf(folders).filter(({ target }) => only === null || target === only)
  const hit = must(targets[index % targets.length], 'a target')
  const at = Math.floor(random() * statSync(join(folders[hit.from], hit.path)).size)
  const bit = Math.floor(random() * BITS)
  return {
    ...hit,
    how: `byte ${at}, bit ${bit}`,
    apply: (folder) => {
      const bytes = readFileSync(join(folder, hit.path))
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
      writeFileSync(join(folder, hit.path), bytes)
    },
  }
}

/** Files that are gone, cut short, or replaced by what is no such file. */
export function coarseDamages(folders: Folders, random: () => number): Damage[] {
  return targetsOf(folders).flatMap((hit) => {
    const { size } = statSync(join(folders[hit.from], hit.path))
    const length = Math.floor(random() * size)
    return [
      { ...hit, how: 'gone', apply: (folder: string) => rmSync(join(folder, hit.path)) },
      {
        ...hit,
        how: `cut to ${length} of ${size}`,
        apply: (folder: string) => truncateSync(join(folder, hit.path), length),
      },
      {
        ...hit,
        how: 'overwritten with noise',
        apply: (folder: string) =>
          writeFileSync(
            join(folder, hit.path),
            Uint8Array.from({ length: size }, () => Math.floor(random() * 256)),
          ),
      },
    ]
  })
}
