/**
 * Questions and answers between the main thread and a worker. A worker that fails ends the process: a thread that is
 * gone or confused is not mended in place.
 */
export interface Question {
  id: number
  name: string
  ask: unknown
}

/** What a thread may be asked or told, by name; after `close` it ends. The thread's file says how it answers each. */
export type Answers = Readonly<Record<string, (ask: never) => unknown>> & { close(): unknown }

/** What is handed over with a question: what its answer takes, and what of that goes there instead of being copied. */
type Given<Answer extends (ask: never) => unknown> =
  Parameters<Answer> extends [] ? [] : [ask: Parameters<Answer>[0], transfer?: Bun.Transferable[]]

export type Reply = { id: number; value: unknown } | { id: number; error: unknown }

interface Waiter {
  resolve(value: unknown): void
  reject(error: unknown): void
}

export interface ThreadOptions {
  /** Called for everything the worker says that is no reply. */
  onNotice(notice: unknown): void
  /** Called once when the worker fails. */
  onFailure(error: Error): void
}

/** The main thread's side of a thread that answers these questions. */
export class Thread<A extends Answers> {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiter>()
  readonly #closed: Promise<void>
  #nextId = 1
  #isClosing = false

  constructor(worker: Worker, options: ThreadOptions) {
    this.#worker = worker
    const fail = (error: Error) => {
      for (const waiter of this.#waiting.values()) waiter.reject(error)
      this.#waiting.clear()
      options.onFailure(error)
    }
    this.#closed = new Promise((resolve) => {
      worker.addEventListener('close', () => {
        resolve()
        if (!this.#isClosing) fail(new Error('A thread ended without being asked to'))
      })
    })
    worker.onmessage = (event: MessageEvent) => {
      const said = event.data as Reply | { notice: unknown }
      if ('notice' in said) return options.onNotice(said.notice)
      const waiter = this.#waiting.get(said.id)
      this.#waiting.delete(said.id)
      if ('error' in said) waiter?.reject(said.error)
      else waiter?.resolve(said.value)
    }
    worker.onerror = (event: ErrorEvent) => {
      // Its end, which may follow, is no news.
      this.#isClosing = true
      fail(new Error(`A thread failed: ${event.message}`))
    }
  }

  /** Asks whether the thread is there; it answers between two pieces of work, with the kernel's number of it. */
  ping(): Promise<number | null> {
    return this.#ask('ping') as Promise<number | null>
  }

  /** Lets the thread know that this one is there. */
  beat(): void {
    this.#post(0, 'beat')
  }

  ask<Name extends keyof A & string>(name: Name, ...given: Given<A[Name]>): Promise<Awaited<ReturnType<A[Name]>>> {
    return this.#ask(name, given) as Promise<Awaited<ReturnType<A[Name]>>>
  }

  /** The same where nobody waits for the answer: a failure is then the thread's end. */
  tell<Name extends keyof A & string>(name: Name, ...given: Given<A[Name]>): void {
    this.#post(0, name, given)
  }

  /** Resolves when the worker has closed itself: it is never terminated, which would cut an open database. */
  closed(): Promise<void> {
    return this.#closed
  }

  #ask(name: string, given: readonly unknown[] = []): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post(id, name, given)
    })
  }

  #post(id: number, name: string, [ask, transfer]: readonly unknown[] = []): void {
    if (name === 'close') this.#isClosing = true
    this.#worker.postMessage({ id, name, ask } satisfies Question, (transfer as Bun.Transferable[] | undefined) ?? [])
  }
}
