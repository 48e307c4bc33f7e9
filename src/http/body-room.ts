import { Failure } from '../core/failure.ts'

/** Held of bodies that are not whole, all together: forty of the largest that a platform sends. */
export const ROOM_BYTES_MAX = 128 * 1024 * 1024

/** The oldest body that was not whole when the room was used up. */
export class BodyDropped extends Failure {
  constructor() {
    super('unavailable', 'Too much is being received at once: send it again', { retry_after_ms: 1000 })
  }
}

/** A body on its way in. */
export interface BodyPlace {
  /** So many bytes more are held. */
  take(bytes: number): void
  /** It is whole, or given up. */
  leave(): void
}

interface Held {
  bytes: number
  drop(): void
}

/**
 * Bounds what is held of bodies whose sender nobody knows yet. Where it is used up, the one that has been on its way for
 * longest goes: an honest one is whole within moments, so it is one that somebody holds back.
 */
export class BodyRoom {
  readonly #bytesMax: number
  readonly #dropped: () => void
  /** In the order in which they began. */
  readonly #held = new Set<Held>()
  #bytes = 0

  /** `dropped` is told of each body that had to go. */
  constructor(bytesMax: number, dropped: () => void) {
    this.#bytesMax = bytesMax
    this.#dropped = dropped
  }

  /** `drop` gives the body up; it may be called from within `take`. */
  enter(drop: () => void): BodyPlace {
    const held: Held = { bytes: 0, drop }
    this.#held.add(held)
    return {
      take: (bytes) => {
        if (!this.#held.has(held)) return
        held.bytes += bytes
        this.#bytes += bytes
        this.#makeRoom()
      },
      leave: () => this.#leave(held),
    }
  }

  #makeRoom(): void {
    for (const oldest of this.#held) {
      if (this.#bytes <= this.#bytesMax) return
      this.#leave(oldest)
      oldest.drop()
      this.#dropped()
    }
  }

  #leave(held: Held): void {
    if (this.#held.delete(held)) this.#bytes -= held.bytes
  }
}
