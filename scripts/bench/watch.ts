/**
 * A socket client that hears the messages of a load, in a process of its own, and measures from when each webhook was
 * due to when its event arrived. It makes the same bodies again to know which message is which.
 *
 *   bun scripts/bench/watch.ts '{"origin":"http://127.0.0.1:8080","load":{…}}'
 *
 * Prints `ready`, reads the load's `startedAtMs` from standard input once the load is over, prints the figures.
 */

import { Histogram, type Latencies } from '../../src/run/storm/histogram.ts'
import { Bodies } from './bodies.ts'
import type { LoadPlan } from './load.ts'
import { OWNER_KEY } from './servers.ts'

export interface WatchPlan {
  origin: string
  load: LoadPlan
}

export interface WatchResult {
  /** Messages of the load whose event arrived. */
  heard: number
  doubled: number
  latency: Latencies
}

/** From here on nothing more is expected. */
const QUIET_MS = 2_000

async function listen(plan: WatchPlan): Promise<WatchResult> {
  const heardAtMs = new Map<string, number>()
  let doubled = 0
  let lastMs = performance.now()
  const headers = { Authorization: `Bearer ${OWNER_KEY}` }
  const answer = await fetch(`${plan.origin}/api/v1/realtime/tickets`, { method: 'POST', headers })
  const { ticket } = (await answer.json()) as { ticket: string }
  const socket = new WebSocket(`${plan.origin.replace('http', 'ws')}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
  socket.onmessage = ({ data }) => {
    const text = String(data)
    if (text.startsWith('{"type":"hello"')) {
      socket.send('{"type":"subscribe","id":1}')
      console.log('ready')
      return
    }
    if (!text.startsWith('{"type":"events"')) return
    const nowMs = performance.timeOrigin + performance.now()
    // Finding the ids is cheaper than JSON.parse, and the processors are the server's.
    for (const [, id] of text.matchAll(/"upstream_id":"([^"]+)"/g)) {
      if (id === undefined) continue
      if (heardAtMs.has(id)) doubled += 1
      else heardAtMs.set(id, nowMs)
    }
    lastMs = performance.now()
    const upto = /"upto":(\d+)/.exec(text)?.[1]
    socket.send(`{"type":"ack","upto":${upto}}`)
  }
  const startedAtMs = Number(await firstLine())
  while (performance.now() - lastMs < QUIET_MS) await Bun.sleep(50)
  socket.close()
  const latency = new Histogram()
  let heard = 0
  for (const [index, id] of idsOf(plan.load).entries()) {
    const atMs = heardAtMs.get(id)
    if (atMs === undefined) continue
    heard += 1
    latency.add(atMs - (startedAtMs + (index / (plan.load.rate ?? 1)) * 1000))
  }
  return { heard, doubled, latency: latency.figures() }
}

function idsOf(load: LoadPlan): string[] {
  const bodies = new Bodies(load)
  const count = Math.round((load.rate ?? 0) * load.seconds)
  return Array.from({ length: count }, () => /"id":"(wamid[^"]+)"/.exec(bodies.next(0))?.[1] ?? '')
}

async function firstLine(): Promise<string> {
  for await (const line of console) return line
  return ''
}

if (import.meta.main) {
  console.log(JSON.stringify(await listen(JSON.parse(process.argv[2] ?? '{}') as WatchPlan)))
  process.exit(0)
}
