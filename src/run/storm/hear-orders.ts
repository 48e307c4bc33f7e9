import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** What a part of the storm takes from the one who started it, one JSON text a line, and how it answers. */
export type Hear = (order: Record<string, unknown>) => Promise<object | undefined>

/**
 * Runs as a part of a storm: hears orders on standard input. Where that is closed, the one who started everything has
 * died, since otherwise parts are killed first: what it left behind is ended and removed.
 */
export async function hearOrders(hear: Hear): Promise<number> {
  // Ctrl-C at a terminal reaches the whole group; who started us decides.
  process.on('SIGINT', () => {})
  let inherited: { pids: number[]; folder: string } = { pids: [], folder: '' }
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as Record<string, unknown>
    if (order['do'] === 'inherit') inherited = { pids: order['pids'] as number[], folder: order['folder'] as string }
    const answer = await hear(order)
    if (answer) process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
  for (const pid of inherited.pids) endProcess(pid)
  if (inherited.folder !== '') rmSync(inherited.folder, { recursive: true, force: true })
  return 1
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
