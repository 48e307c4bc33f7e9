import packageJson from '../../package.json' with { type: 'json' }
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { listening } from '../core/listening.ts'
import type { Principal } from '../core/principal.ts'
import { apiRoutes } from '../http/api.ts'
import { forWhoeverAsks } from '../http/asking.ts'
import { auditRoutes } from '../http/audit-api.ts'
import { ClientAddresses } from '../http/client-address.ts'
import { consoleRoutes } from '../http/console.ts'
import { startControl } from '../http/control.ts'
import { documentationRoutes } from '../http/documentation.ts'
import { erasureRoutes } from '../http/erasures-api.ts'
import { mediaRoutes } from '../http/media.ts'
import { operationsFetch, operationsRoutes } from '../http/operations.ts'
import { peopleRoutes } from '../http/people-routes.ts'
import { type RunningServer, startServer } from '../http/server.ts'
import { Cookies, requireOwnPage } from '../http/session-cookie.ts'
import { signInRoutes } from '../http/sign-in-api.ts'
import { sourceOf, type WebhookApp, webhookRoutes } from '../http/webhooks.ts'
import { RequestLimits } from '../people/request-limits.ts'
import type { AuditNote } from '../records/audit.ts'
import { ErasureReader } from '../records/erasure-reader.ts'
import { NoticeReader } from '../records/notice-reader.ts'
import { thumbnailName } from '../relay/media-folder.ts'
import { keyedHash } from '../vault/sealing.ts'
import type { Base } from './base.ts'
import { controlCommands } from './control-commands.ts'
import { originsOf, type Parts } from './parts.ts'
import { readinessOf } from './readiness.ts'

const FAILURES = ['500', '503']

type Operations = Parameters<typeof operationsRoutes>[0]

/** Opens the doors to the outside: the public one, that of operations, the socket in the folder. */
export async function listen(base: Base, parts: Parts, stack: AsyncDisposableStack): Promise<RunningServer> {
  const { config, log, simulatorUrl } = base.options
  const { keys } = parts.rights
  const cookies = new Cookies(() => base.config.http.publicUrl?.startsWith('https:') === true)
  const { sessions } = parts.entrance
  const principalOf = (authorization: string | null, request: Request) => {
    const token = authorization === null ? cookies.read(request, 'session') : null
    const workspace = request.headers.get('gatehouse-workspace')
    if (token === null) return keys.principalOf(authorization, workspace)
    requireOwnPage(request, originsOf(base))
    return sessions.principalOf(token, workspace)
  }
  const addresses = new ClientAddresses(() => base.config.http.trustedProxies)
  const operations: Operations = {
    log,
    version: packageJson.version,
    readiness: () => readinessOf(base),
    metrics: async () => ({ text: await base.metrics.render(), contentType: base.metrics.contentType }),
    principalOf,
    addresses,
  }
  const server = startServer({
    hostname: config.http.host,
    port: config.http.port,
    routes: [
      ...routesOf(base, parts, { ...operations, cookies }),
      operationsRoutes(operations),
      await consoleRoutes(simulatorUrl),
      documentationRoutes(packageJson.version, () => base.config.http.publicUrl ?? ''),
    ],
    realtime: parts.realtime,
    clock: base.options.clock,
    log,
    publicUrl: () => base.config.http.publicUrl,
  })
  listenForOperations(base, operations, stack)
  const control = await startControl({ folder: config.dataDir, log, commands: controlCommands(base, parts) })
  stack.defer(() => control.stop())
  return server
}

function routesOf(base: Base, parts: Parts, { principalOf, addresses, cookies }: Operations & { cookies: Cookies }) {
  const { options, metrics, house } = base
  const { clock, log } = options
  const { reader } = parts
  const hashKey = must(house.vault().findNamedKey('upstream'), 'the hash key')
  const limits = new RequestLimits(
    clock,
    () => base.config.limits.requestsPerSecond,
    () => metrics.requestsLimited.add(1),
  )
  const shared = {
    clock,
    log,
    principalOf,
    admit: ({ id }: Principal) => limits.take(id),
    count: countRequests(base),
    ask: forWhoeverAsks(house.book.ask),
    note: (note: AuditNote) => parts.audit.notes.note(note),
  }
  const api = apiRoutes({
    ...shared,
    addresses,
    reader,
    keys: parts.rights.keyReader,
    people: parts.rights.people,
    notices: new NoticeReader(house.records(), house.vault()),
    search: (ask, principal) => parts.search.search(ask, principal),
    events: parts.poll,
    tickets: parts.realtime.tickets,
    channel: must(channelNamed('whatsapp'), 'the channel'),
    deadlineMs: () => base.config.dispatch.deadlineMs,
    hash: (text) => keyedHash(hashKey, 'request', text),
    predict: (messageClass, isMeant) => parts.outbound.predict(messageClass, isMeant),
    explain: (messageId) => parts.outbound.explain(messageId),
    isAccepting: () => base.isServing() && house.isStoring().book && !base.space.isFull(),
  })
  const media = mediaRoutes({ ...shared, reader: parts.media.reader, open: parts.media.open, thumbnailName })
  const erasures = erasureRoutes({
    ...shared,
    reader,
    erasures: new ErasureReader(house.records()),
    erase: (contactId, by) => parts.destruction.eraser.begin(contactId, by),
    eraseStaff: (personId, by) => parts.destruction.eraser.beginStaff(personId, by.workspaceId, by),
  })
  const { workspaces } = parts.rights
  const people = peopleRoutes({ ...shared, reader, workspaces, people: parts.rights.people })
  const { entrance, rights } = parts
  const signIn = signInRoutes({
    ...shared,
    signIn: entrance.signIn,
    links: entrance.links,
    sessions: entrance.sessions,
    cookies,
    addresses,
    origins: () => originsOf(base),
    publicUrl: () => publicUrlOf(base),
    profileOf: (workspaceId, personId) => rights.people.member(workspaceId, personId)?.profile,
    workspacesOf: (personId) => entrance.lookup.workspacesOf(personId),
    oidc: () => entrance.oidc(),
  })
  const audit = auditRoutes({ ...shared, audit: parts.audit.reader })
  return [webhooksOf(base), api, media, erasures, audit, people, signIn]
}

/** A route's failures begin at 0 with its first request: Prometheus sees no rise in a series that begins with several. */
function countRequests({ metrics }: Base) {
  const routes = new Set<string>()
  return (route: string, status: number, seconds: number) => {
    if (!routes.has(route)) for (const failure of FAILURES) metrics.httpRequests.add(0, { route, status: failure })
    routes.add(route)
    metrics.httpRequests.add(1, { route, status: String(status) })
    metrics.httpRequestSeconds.observe(seconds, { route })
  }
}

/** Where browsers find the house, as far as that is known. */
function publicUrlOf({ config, port }: Base): string {
  return config.http.publicUrl ?? `http://localhost:${port() ?? config.http.port}`
}

function webhooksOf(base: Base) {
  const { options, metrics, house } = base
  const channel = must(channelNamed('whatsapp'), 'the channel')
  const heardAtMs = collectLastWebhooks(base)
  return webhookRoutes({
    clock: options.clock,
    log: options.log,
    appOf: (source): WebhookApp | undefined => {
      const app = base.setup.apps.find(({ id }) => sourceOf(channel.name, id) === source)
      return app && { id: app.id, channel, secrets: app.secrets, verifyToken: app.verifyToken }
    },
    isReady: () => base.isServing() && house.isStoring().journal && !base.space.isFull(),
    accept: (source, body) => house.inbound.accept(source, body),
    bodyBytesMax: () => base.config.limits.webhookBodyBytesMax,
    overflow: () => metrics.overflows.add(1, { queue: 'webhook_bodies' }),
    count: (outcome, seconds, app) => {
      metrics.webhooks.add(1, { outcome })
      if (outcome !== 'stored') return
      metrics.webhookSeconds.observe(seconds)
      if (app !== null) heardAtMs.set(app, options.clock.epochMs())
    },
  })
}

/**
 * When each configured app was last heard of, for its gauge. A platform that says nothing more at all is noticed also where
 * it was so from the start; an app that is not configured any more leaves no series behind that only grows older.
 */
function collectLastWebhooks(base: Base): Map<string, number> {
  const { metrics, options } = base
  const heardAtMs = new Map<string, number>()
  const look = () => {
    metrics.lastWebhookSeconds.reset()
    for (const { id } of base.setup.apps) {
      const atMs = heardAtMs.get(id) ?? options.clock.epochMs()
      heardAtMs.set(id, atMs)
      metrics.lastWebhookSeconds.set(atMs / 1000, { app: id })
    }
  }
  look()
  metrics.collect(look)
  return heardAtMs
}

function listenForOperations(base: Base, operations: Operations, stack: AsyncDisposableStack): void {
  const address = base.options.config.http.operationsListen
  if (!address) return
  const at = { hostname: address.host, port: address.port }
  const server = listening({ ...at, settings: '[http] operations_listen, GATEHOUSE_OPERATIONS_LISTEN' }, () =>
    Bun.serve({
      ...at,
      // Bun's default lets a second process share the port in silence.
      reusePort: false,
      fetch: operationsFetch(operations),
    }),
  )
  stack.defer(() => server.stop(true))
}
