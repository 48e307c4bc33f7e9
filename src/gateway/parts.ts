import { randomBytes } from 'node:crypto'
import { channelNamed } from '../channels/registry.ts'
import type { Config } from '../config.ts'
import { must } from '../core/assert.ts'
import { DAY_MS, yieldToLoop } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { SendOutcome } from '../core/inbound.ts'
import type { MessageClass } from '../core/message.ts'
import type { Principal } from '../core/principal.ts'
import { EventsPoll } from '../http/events-poll.ts'
import { eventTextFor } from '../people/mask.ts'
import { maySee, visibilityOf } from '../people/may-see.ts'
import { ViewChanges } from '../people/view-changes.ts'
import { createRealtime, type Realtime } from '../realtime/realtime.ts'
import { ConversationPlaces } from '../records/conversation-places.ts'
import { RecordedEvents } from '../records/event-log.ts'
import type { Ask } from '../records/inputs.ts'
import { Reader } from '../records/reader.ts'
import { beginSending, type Departure } from '../records/send-message.ts'
import { Views } from '../records/views.ts'
import { createMedia, type MediaParts } from '../relay/create-media.ts'
import { Destruction } from '../relay/destruction.ts'
import { Duties } from '../relay/duties.ts'
import { Outbound } from '../relay/outbound.ts'
import { SearchClient } from '../relay/search-client.ts'
import type { AppSetup } from '../setup.ts'
import { removeOldBefores } from '../storage/upgrade.ts'
import { THREADS } from '../threads.ts'
import { AuditParts } from './audit.ts'
import type { Base } from './base.ts'
import { Reload } from './reload.ts'
import { Rights, viewerAfter } from './rights.ts'
import { createSafekeeping, followPlaces, type Safekeeping } from './safekeeping.ts'
import { Entrance } from './sign-in.ts'

/** A send that has no answer by then is in doubt. The platform's own requests end within seconds. */
const SEND_TIMEOUT_MS = 15_000

/** Everything that is made from the open folder. */
export interface Parts {
  reader: Reader
  poll: EventsPoll
  realtime: Realtime
  outbound: Outbound
  duties: Duties
  media: MediaParts
  destruction: Destruction
  search: SearchClient
  reload: Reload
  safekeeping: Safekeeping
  rights: Rights
  entrance: Entrance
  audit: AuditParts
}

export function createParts(base: Base): Parts {
  const { house, options } = base
  const views = new Views(
    house.records(),
    house.vault(),
    (channel, type, raw) => must(channelNamed(channel), 'the channel of a message').view(type, raw),
    (channel, type, raw) => must(channelNamed(channel), 'the channel of a message').content(type, raw),
  )
  const reader = new Reader(house.records(), views)
  const events = new RecordedEvents(house.records(), views, yieldToLoop)
  const changes = new ViewChanges(new ConversationPlaces(house.records()))
  const renewed = (viewer: Principal) =>
    viewer.by === 'session' ? entrance.sessions.renewed(viewer) : rights.keys.renewed(viewer)
  const realtime = createSockets(base, events, { changes, renewed })
  const search = createSearch(base)
  const media = createFiles(base)
  const safekeeping = createSafekeeping(base)
  const destruction = createErasing(base, { search, realtime, safekeeping })
  const poll = new EventsPoll(events, options.clock, {
    renewed,
    renew: (viewer) => viewerAfter(viewer, renewed(viewer)),
    changeText: (principal, event) => changes.textOf(principal, event),
  })
  const rights = new Rights(base, [realtime, poll])
  const audit = new AuditParts(base)
  const entrance = new Entrance(base, {
    rights,
    onEnd: (ids) => {
      realtime.withdraw(({ id }) => ids.has(id), 'forbidden')
      poll.withdraw(({ id }) => ids.has(id))
    },
    note: (note) => audit.notes.note(note),
  })
  return {
    reader,
    poll,
    realtime,
    outbound: createOutbound(base, reader),
    duties: createDuties(base, { reader, media, destruction }),
    media,
    destruction,
    search,
    reload: new Reload(base, () => followPlaces(base, safekeeping)),
    safekeeping,
    rights,
    entrance,
    audit,
  }
}

interface SocketViewers {
  changes: ViewChanges
  renewed(viewer: Principal): Principal | undefined
}

function createSockets(base: Base, events: RecordedEvents, { changes, renewed }: SocketViewers): Realtime {
  const { metrics, options } = base
  return createRealtime(
    {
      clock: options.clock,
      log: options.log,
      randomBytes: (size) => new Uint8Array(randomBytes(size)),
      eventLog: events,
      maySee,
      textOf: (viewer, event) =>
        event.change === undefined ? eventTextFor(viewer, event) : changes.textOf(viewer, event),
      renew: (viewer) => viewerAfter(viewer, renewed(viewer)),
      visibilityOf,
      metrics: {
        connections: (count) => metrics.socketConnections.set(count),
        lagSeconds: (seconds) => metrics.socketLagSeconds.observe(seconds),
        delivered: (count) => metrics.socketEvents.add(count),
        closed: (reason) => metrics.socketCloses.add(1, { outcome: reason }),
        refused: (reason) => metrics.socketRefusals.add(1, { outcome: reason }),
        // How often the hub had to read back is seen in its effect, the lag.
        logRead: () => {},
      },
    },
    { origins: () => originsOf(base) },
  )
}

/** Pages that may open sockets: where the house is seen, and while that is not set, this machine. */
export function originsOf({ config, port }: Base): string[] {
  const { http } = config
  if (http.publicUrl !== undefined) return [new URL(http.publicUrl).origin, ...http.origins]
  const known = port() ?? http.port
  return [`http://localhost:${known}`, `http://127.0.0.1:${known}`, `http://[::1]:${known}`, ...http.origins]
}

function createSearch({ metrics, options }: Base): SearchClient {
  return new SearchClient({
    thread: THREADS.search,
    clock: options.clock,
    log: options.log,
    onSearch: (seconds) => metrics.searchSeconds.observe(seconds),
  })
}

function createOutbound(base: Base, reader: Reader): Outbound {
  const { metrics, options, dispatcher } = base
  return new Outbound(
    {
      clock: options.clock,
      time: base.house.time,
      log: options.log,
      random: options.random,
      ask: askWithRoom(base),
      reader,
      dispatcher,
      send: (departure) => send(base, departure),
      metrics: {
        sent: (outcome) => metrics.sends.add(1, { outcome }),
        waited: (messageClass, ms) => metrics.sendWaitSeconds.observe(Math.max(0, ms) / 1000, { class: messageClass }),
        overflow: () => metrics.overflows.add(1, { queue: 'dispatch' }),
      },
    },
    { doubtWaitMs: () => doubtWaitsOf(base.config), queueMax: options.config.limits.queueMax },
  )
}

/** While no space is left nothing more is sent: what the platform would say of it could not be kept. */
function askWithRoom({ house, space }: Base): Ask {
  return (command, args) => {
    if (space.isFull() && command.name === beginSending.name) {
      return Promise.reject(new Failure('unavailable', 'No space is left'))
    }
    return house.book.ask(command, args)
  }
}

async function send(base: Base, departure: Departure): Promise<SendOutcome> {
  const { options, clockTrust } = base
  const app = appOf(base, departure.app)
  // Its number is being paused: a reload has taken the app out.
  if (!app) return { ...LATER, reason: 'app_not_configured' }
  const outcome = await must(channelNamed(departure.channel), 'the channel of a number').send(
    {
      graphUrl: options.graphUrl,
      graphVersion: app.graphVersion,
      accessToken: app.accessToken,
      accountId: departure.account,
      to: departure.to,
      groupId: departure.groupId,
      content: departure.content,
      correlation: departure.correlation,
      timeoutMs: options.sendTimeoutMs ?? SEND_TIMEOUT_MS,
    },
    base.setup.proxies.fetchFor(departure.account, clockTrust.fetch),
  )
  // A token that is not used any more was refused: nothing waits for that.
  const isOutdated = appOf(base, departure.app)?.accessToken !== app.accessToken
  return isOutdated && outcome.kind === 'retry' && outcome.pauses ? { ...LATER, reason: outcome.reason } : outcome
}

const LATER = { kind: 'retry', code: null, afterMs: null, scope: 'number', throttled: false } as const

function appOf({ setup }: Base, name: string): AppSetup | undefined {
  return setup.apps.find(({ id }) => id === name)
}

function createDuties(base: Base, parts: Pick<Parts, 'reader' | 'media' | 'destruction'>): Duties {
  const { options, house, clockTrust } = base
  return new Duties({
    clock: options.clock,
    time: house.time,
    log: options.log,
    ask: house.book.ask,
    reader: parts.reader,
    caughtUp: () => house.inbound.caughtUp(),
    eventsKeepMs: () => base.config.storage.eventsKeepDays * DAY_MS,
    keepHouse: async () => {
      await parts.destruction.endJournalDays()
      if (!clockTrust.isTrusted()) return
      await parts.media.media.keepHouse()
      const { dataDir, storage } = base.config
      await removeOldBefores(dataDir, options.clock.epochMs(), storage.upgradeCopyDays * DAY_MS)
    },
  })
}

function createFiles(base: Base): MediaParts {
  const { options, metrics, house, clockTrust, space } = base
  return createMedia({
    clock: options.clock,
    log: options.log,
    random: options.random,
    house,
    ask: house.book.ask,
    fetch: clockTrust.fetch,
    dataDir: options.config.dataDir,
    graphUrl: () => options.graphUrl,
    settings: () => ({ ...base.config.media, allowPrivate: base.config.allowPrivate }),
    proxies: () => base.setup.proxies,
    hasRoom: () => space.hasRoomForFiles(),
    appOf: (name) => appOf(base, name),
    metrics: {
      ended: (outcome) => metrics.mediaFetches.add(1, { outcome }),
      received: (bytes) => metrics.mediaBytes.add(bytes),
    },
  })
}

function createErasing(
  base: Base,
  { search, realtime, safekeeping }: Pick<Parts, 'search' | 'realtime' | 'safekeeping'>,
): Destruction {
  const { options, metrics, house, clockTrust } = base
  return new Destruction({
    house,
    clock: options.clock,
    log: options.log,
    clockTrust,
    scanThread: THREADS.scan,
    search: () => search,
    forgetEvents: () => realtime.forget(),
    copies: {
      endDays: async (days) => await safekeeping.shipping.endDays(days),
      learnMaster: async (next) => {
        safekeeping.backups.learnMaster(next)
        await safekeeping.shipping.learnMaster(next)
      },
      keepLedger: () => safekeeping.backups.keepLedger(),
    },
    isServing: () => base.isServing(),
    metrics: {
      erasure: (state) => metrics.erasures.add(1, { state }),
      daysEnded: (count) => metrics.journalDaysEnded.add(count),
    },
  })
}

function doubtWaitsOf(config: Config): Record<MessageClass, number> {
  const { urgent, reply, notice, bulk } = config.dispatch.inDoubtWaitS
  return { urgent: urgent * 1000, reply: reply * 1000, notice: notice * 1000, bulk: bulk * 1000 }
}
