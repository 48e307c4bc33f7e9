import { lookup } from 'node:dns/promises'
import { join } from 'node:path'
import type { Fetch } from '../channels/channel.ts'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { type Clock, DAY_MS } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Ask } from '../records/inputs.ts'
import type { FetchOutcome } from '../records/media.ts'
import { type FetchTask, MediaReader } from '../records/media-reader.ts'
import { GuardedFetch } from './guarded-fetch.ts'
import type { House } from './house.ts'
import { Media } from './media.ts'
import { MediaFetch } from './media-fetch.ts'
import { MediaFolder, type SealedReader } from './media-folder.ts'
import { MediaSizes } from './media-sizes.ts'
import type { Proxies } from './proxies.ts'

/** The platform answers a look-up within a second. */
const LOCATE_MS_MAX = 10_000

export interface MediaOptions {
  clock: Clock
  log: Log
  random: () => number
  house: Pick<House, 'records' | 'vault' | 'time'>
  ask: Ask
  /** Where look-ups are asked. */
  fetch: Fetch
  dataDir: string
  graphUrl: () => string
  /** What the operator allows now; asked for each time. */
  settings: () => {
    hosts: readonly string[]
    sizeBytesMax: number
    keepDays?: number | undefined
    allowPrivate: readonly string[]
  }
  /** The outgoing proxies as they are now. */
  proxies: () => Proxies
  /** Whether there is room for more files. */
  hasRoom(): boolean
  appOf(app: string): { accessToken: string; graphVersion: string } | undefined
  metrics: { ended(outcome: FetchOutcome['kind']): void; received(bytes: number): void }
}

export interface MediaParts {
  media: Media
  reader: MediaReader
  sizes: MediaSizes
  /** Opens a file of a person by its name in the folder. Throws where it is not there or is not what it should be. */
  open(file: string, person: number): Promise<SealedReader>
}

/** Builds what fetches, keeps and opens the files of messages. */
export function createMedia(options: MediaOptions): MediaParts {
  const { clock, log, random, house, ask, settings, metrics } = options
  const reader = new MediaReader(house.records(), house.vault())
  const sizes = new MediaSizes(clock, (after, limit) => reader.sizesAfter(after, limit))
  const folder = new MediaFolder(join(options.dataDir, 'media'), (file) => reader.isNamed(file))
  const guard = new GuardedFetch({
    trustedUrl: options.graphUrl,
    allowed: settings,
    refused: (host, reason) => log.warn('a host was not fetched from', { host, reason }),
    resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
  })
  const fetcher = new MediaFetch({
    clock,
    random,
    folder,
    guard,
    appOf: options.appOf,
    locate: (task) => locate(task, options),
    personKey: (person) => reader.personKey(person),
    known: (file) => reader.known(file),
    sizeBytesMax: () => settings().sizeBytesMax,
    proxyFor: (account, url) => options.proxies().proxyFor(account, url),
    received: (bytes) => {
      sizes.add(bytes)
      metrics.received(bytes)
    },
  })
  const keepMs = () => {
    const { keepDays } = settings()
    return keepDays === undefined ? null : keepDays * DAY_MS
  }
  const media = new Media({
    clock,
    time: options.house.time,
    log,
    ask,
    reader,
    folder,
    fetcher,
    keepMs,
    hasRoom: options.hasRoom,
    ended: (kind) => metrics.ended(kind),
  })
  return {
    media,
    reader,
    sizes,
    open: (file, person) => folder.open(file, must(reader.personKey(person), 'the key of whom a file is from')),
  }
}

function locate(task: FetchTask, { graphUrl, appOf, fetch, proxies }: MediaOptions) {
  const app = must(appOf(task.app), 'the application of a number')
  return must(channelNamed(task.channel), 'the channel of a number').locateFile(
    {
      graphUrl: graphUrl(),
      graphVersion: app.graphVersion,
      accessToken: app.accessToken,
      accountId: task.account,
      fileId: must(task.attachment.upstreamId, 'the id of a file'),
      timeoutMs: LOCATE_MS_MAX,
    },
    proxies().fetchFor(task.account, fetch),
  )
}
