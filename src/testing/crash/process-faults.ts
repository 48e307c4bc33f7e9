import { pause, systemClock } from '../../core/clock.ts'
import type { Fault, Struck } from './crash-run.ts'

/** A thread that runs in circles is found after 3 s of work, which take longer where others use the processors. */
const HANG_MS_MAX = 20_000
/** The main thread has longer before it is taken for hanging. */
const MAIN_HANG_MS_MAX = 30_000
const STOP_MS_MAX = 12_000
const LOAD_MS = 400
const LOOK_MS = 20
/** Nobody is answered for so long: it has happened. */
const SILENT_MS = 1500
const SILENT_MS_MAX = 20_000
const RECOVER_MS_MAX = 20_000

/** A thread dies or hangs at a named point under load: the process has to end, by itself and soon. */
export function threadFault(point: string, how: 'hang' | 'throw', thread: 'journal' | 'book' | 'main'): Fault {
  return {
    name: `${thread} thread: ${how}`,
    async strike(struck) {
      const house = struck.start(undefined, `${point}:12:${how}`)
      await house.ready()
      let endedAtMs = 0
      void house.exited.then(() => {
        endedAtMs = systemClock.monoMs()
      })
      const readyAtMs = systemClock.monoMs()
      await untilSo(struck, 'a webhook is answered 200', () => struck.progress().answeredAtMs > readyAtMs)
      const struckAtMs = await whenSilent(struck)
      const exit = await house.endsWithin(thread === 'main' ? MAIN_HANG_MS_MAX : HANG_MS_MAX)
      if (!exit) return struck.wrong(`a ${thread} thread that is made to ${how} at ${point} does not end the process`)
      if (exit.code === 0) struck.wrong(`a ${thread} thread that is made to ${how} ends the process with 0`)
      struck.figure(`${thread} thread made to ${how}, ms from the last 200 to the end`, endedAtMs - struckAtMs)
    },
  }
}

/** When a webhook was last answered 200, once none is any more. */
async function whenSilent(struck: Struck): Promise<number> {
  const endMs = systemClock.monoMs() + SILENT_MS_MAX
  while (systemClock.monoMs() < Math.min(endMs, struck.progress().answeredAtMs + SILENT_MS)) {
    await pause(systemClock, LOOK_MS)
  }
  return struck.progress().answeredAtMs
}

/** Waits until something is so, and says if it does not come to it in time. */
export async function untilSo(struck: Struck, what: string, isSo: () => boolean): Promise<void> {
  const endMs = systemClock.monoMs() + RECOVER_MS_MAX
  while (!isSo()) {
    if (systemClock.monoMs() > endMs) return struck.wrong(`not in ${RECOVER_MS_MAX} ms: ${what}`)
    await pause(systemClock, LOOK_MS)
  }
}

/** Stopped by the kernel and let go on: nothing is sent twice, and everybody who listens goes on. */
export function pauseFault(pauseMs: number): Fault {
  return {
    name: `stopped for ${pauseMs} ms`,
    async strike(struck) {
      const house = await struck.startWell()
      await pause(systemClock, LOAD_MS)
      house.signal('SIGSTOP')
      await pause(systemClock, pauseMs)
      const heard = struck.progress().socketEvents
      house.signal('SIGCONT')
      const fromMs = systemClock.monoMs()
      await untilSo(struck, 'a webhook is answered 200', () => struck.progress().answeredAtMs > fromMs)
      struck.figure('after SIGCONT, ms to the next 200', systemClock.monoMs() - fromMs)
      await untilSo(struck, 'the socket brings an event', () => struck.progress().socketEvents > heard)
      struck.figure('after SIGCONT, ms to the next event at the socket', systemClock.monoMs() - fromMs)
      await pause(systemClock, LOAD_MS)
      if (house.hasExited()) struck.wrong(`the house ended after being stopped for ${pauseMs} ms:\n${house.tail()}`)
    },
  }
}

/** Asked to end under load: it ends with 0; `isForced`: asked twice, at once and not with 0. */
export function stopFault(isForced: boolean): Fault {
  return {
    name: isForced ? 'SIGTERM twice' : 'SIGTERM',
    async strike(struck) {
      const house = await struck.startWell()
      await pause(systemClock, LOAD_MS + 800 * struck.random())
      const startedMs = systemClock.monoMs()
      house.signal('SIGTERM')
      if (isForced) {
        await pause(systemClock, 5)
        house.signal('SIGTERM')
      }
      const exit = await house.endsWithin(STOP_MS_MAX)
      if (!exit) return struck.wrong(`SIGTERM does not end the house:\n${house.tail()}`)
      if (!isForced && exit.code !== 0) struck.wrong(`SIGTERM ends it with ${JSON.stringify(exit)}:\n${house.tail()}`)
      struck.figure(
        isForced ? 'SIGTERM twice, ms to the end' : 'SIGTERM, ms to the end',
        systemClock.monoMs() - startedMs,
      )
    },
  }
}
