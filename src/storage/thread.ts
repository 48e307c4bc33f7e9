/**
 * Questions and answers between the main thread and a worker. A worker that fails ends the process: a thread that is
 * gone or confused is not mended in place.
 */
export interface Question {
  id: number
  name: string
  args: unknown
}

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

export class Thread {
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
    return this.ask<number | null>('ping', null)
  }

  /** Lets the thread know that this one is there. */
  beat(): void {
    this.tell('beat', null)
  }

  ask<T>(name: string, args: unknown, transfer: Bun.Transferable[] = []): Promise<T> {
    const id = this.#nextId++
    if (name === 'close') this.#isClosing = true
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#worker.postMessage({ id, name, args } satisfies Question, transfer)
    })
  }

  tell(name: string, args: unknown, transfer: Bun.Transferable[] = []): void {
    if (name === 'close') this.#isClosing = true
    this.#worker.postMessage({ id: 0, name, args } satisfies Question, transfer)
  }

  /** Resolves when the worker has closed itself: it is never terminated, which would cut an open database. */
  closed(): Promise<void> {
    return this.#closed
  }
}
