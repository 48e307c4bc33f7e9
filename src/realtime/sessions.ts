import type { CloseName } from './close-codes.ts'
import { CLOSE_CODES } from './close-codes.ts'
import type { Viewer } from './event-log.ts'
import type { RealtimeMetrics } from './metrics.ts'
import type { Session, SessionBounds, Socket, VisibilityGroup } from './session.ts'
import { newSession } from './session.ts'

/** The open sessions, by viewer and by what they may see. */
export class Sessions {
  readonly #metrics: RealtimeMetrics
  readonly #visibilityOf: (viewer: Viewer) => string
  readonly #bounds: SessionBounds
  readonly #all = new Set<Session>()
  readonly #countByViewer = new Map<string, number>()
  readonly #groups = new Map<string, VisibilityGroup>()

  constructor(metrics: RealtimeMetrics, visibilityOf: (viewer: Viewer) => string, bounds: SessionBounds) {
    this.#metrics = metrics
    this.#visibilityOf = visibilityOf
    this.#bounds = bounds
  }

  get size(): number {
    return this.#all.size
  }

  all(): Iterable<Session> {
    return this.#all
  }

  countOf(viewer: Viewer): number {
    return this.#countByViewer.get(viewer.id) ?? 0
  }

  add(socket: Socket, viewer: Viewer, nowMs: number): Session {
    const group = this.#join(viewer)
    this.#countByViewer.set(viewer.id, this.countOf(viewer) + 1)
    const session = newSession(socket, { viewer, group }, nowMs, this.#bounds)
    this.#all.add(session)
    this.#metrics.connections(this.#all.size)
    return session
  }

  /** The same viewer, who sees other things from now on. */
  renew(session: Session, viewer: Viewer): void {
    this.#leave(session.group)
    session.viewer = viewer
    session.group = this.#join(viewer)
    session.isOutdated = false
  }

  /** Forgets a session whose socket has closed. */
  remove(session: Session): void {
    if (!this.#all.delete(session)) return
    session.closed = true
    const { group, viewer } = session
    this.#leave(group)
    const count = this.countOf(viewer) - 1
    if (count > 0) this.#countByViewer.set(viewer.id, count)
    else this.#countByViewer.delete(viewer.id)
    this.#metrics.connections(this.#all.size)
  }

  #join(viewer: Viewer): VisibilityGroup {
    const key = this.#visibilityOf(viewer)
    const group = this.#groups.get(key) ?? { key, viewer, sessionCount: 0, body: null }
    this.#groups.set(key, group)
    group.sessionCount++
    return group
  }

  #leave(group: VisibilityGroup): void {
    group.sessionCount--
    if (group.sessionCount === 0 && this.#groups.get(group.key) === group) this.#groups.delete(group.key)
  }
}

/** Ends a socket with a code that says why. Bun calls the close handler before this returns. */
export function closeSocket(socket: Socket, name: CloseName, hint = ''): void {
  socket.close(CLOSE_CODES[name], hint === '' ? name : `${name}; ${hint}`)
}
