import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** What a part of the storm takes from the one who started it, one JSON text a line, and how it answers. */
export type Hear = (order: Record<string, unknown>) => Promise<object | undefined>

/**
 * Runs as a part of a storm: hears orders on standard input until it is closed. Where it was closed without a word, the
 * one who started everything has died: what it left behind is ended and removed.
 */
export async function hearOrders(hear: Hear): Promise<number> {
  // Ctrl-C at a terminal reaches the whole group; who started us decides.
  process.on('SIGINT', () => {})
  let ended = false
  let heirs: { pids: number[]; folder: string } = { pids: [], folder: '' }
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as Record<string, unknown>
    if (order['do'] === 'end') ended = true
    if (order['do'] === 'begin') heirs = { pids: order['pids'] as number[], folder: order['folder'] as string }
    const answer = ended ? undefined : await hear(order)
    if (answer) process.stdout.write(`${JSON.stringify(answer)}\n`)
    if (ended) return 0
  }
  for (const pid of heirs.pids) endProcess(pid)
  if (heirs.folder !== '') rmSync(heirs.folder, { recursive: true, force: true })
  return 1
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
