import { messageOf } from '../core/failure.ts'
import type { Answers, Question } from './thread.ts'
import { ownThread } from './watchdog.ts'

export interface ThreadProgram {
  answers: Answers
  /** What the asker gets where the answer failed; as it is, the error's message. */
  refusalOf?(error: unknown): unknown
  /** What goes over to the asker instead of being copied. */
  transferOf?(name: string, value: unknown): Bun.Transferable[]
  /** Hears the main thread's beat. */
  onBeat?(): void
}

declare const self: Worker

/**
 * The worker's side of `Thread`. Where something that was told, not asked, fails, nobody waits for an answer: the main
 * thread hears of it as a failed thread. Imported by a test, the file of a thread is no worker, and nothing happens.
 */
export function serveThread(program: ThreadProgram): void {
  if (Bun.isMainThread) return
  self.onmessage = (event: MessageEvent<Question>) => {
    hear(program, event.data).catch(failThread)
  }
}

/** Nothing may go on after this: thrown where nobody catches it, the main thread hears of it. */
export function failThread(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}

async function hear(program: ThreadProgram, question: Question): Promise<void> {
  const { answers, refusalOf = messageOf, transferOf } = program
  if (question.name === 'ping') return self.postMessage({ id: question.id, value: ownThread() })
  if (question.name === 'beat') return program.onBeat?.()
  try {
    if (!Object.hasOwn(answers, question.name)) throw new Error(`Unknown question: ${question.name}`)
    const value = await answers[question.name]?.(question.ask as never)
    if (question.id > 0) self.postMessage({ id: question.id, value }, transferOf?.(question.name, value) ?? [])
    if (question.name === 'close') process.exit(0)
  } catch (error) {
    if (question.id === 0) throw error
    self.postMessage({ id: question.id, error: refusalOf(error) })
  }
}
