import { DAY_MS, HOUR_MS } from '../core/clock.ts'
import {
  boolean,
  digits,
  filePath,
  graphVersion,
  groupRole,
  host,
  hostAndPort,
  hostName,
  hostOrNetwork,
  integer,
  integerOrUnlimited,
  issuer,
  listOf,
  name,
  network,
  oneOf,
  origin,
  phone,
  port,
  text,
  webUrl,
} from './kinds.ts'
import { defaulted, entries, optional, optionalSecret, required, requiredSecret, section } from './shape.ts'

const MIB = 1024 * 1024
const DAY_S = 86_400
/** The longest that a message may wait, and the platform's own time to live of a message: 30 days. */
const WAIT_DAYS_MAX = 30
const LIST_COUNT_MAX = 64

const http = section('Where the gateway listens and how the outside sees it.', {
  host: defaulted(host, '127.0.0.1', { help: 'The address to listen at; "0.0.0.0" in a container.' }),
  port: defaulted(port, 8080, { help: 'The port to listen at; 0 takes any free one.' }),
  public_url: optional(origin, {
    help: 'What browsers and platforms see. Its origin is allowed for sockets and cookies.',
    environment: 'GATEHOUSE_PUBLIC_URL',
    sample: '"https://chat.example.com"',
  }),
  origins: defaulted(listOf(origin, LIST_COUNT_MAX), [], { help: 'More origins that browsers may come from.' }),
  trusted_proxies: defaulted(listOf(network, LIST_COUNT_MAX), [], {
    help: 'Networks of reverse proxies whose X-Forwarded-For is believed.',
    environment: 'GATEHOUSE_TRUSTED_PROXIES',
  }),
  operations_listen: optional(hostAndPort, {
    help: 'host:port for /metrics and /readyz. Absent: /metrics answers loopback or an API key only.',
    environment: 'GATEHOUSE_OPERATIONS_LISTEN',
    sample: '"127.0.0.1:9090"',
  }),
})

const workspace = entries('A brand or subsidiary whose data is apart from the others; "main" is always there.', 100, {
  id: required(name, { help: 'Your name for it.', sample: '"outlet"' }),
})

const portfolio = entries('A business portfolio: its numbers share one messaging limit.', 1_000, {
  id: required(name, { help: 'Your name for it.', sample: '"acme"' }),
  workspace: defaulted(name, 'main', {
    help: 'The id of a declared workspace that it belongs to, with all its numbers and customers. It stays there.',
  }),
  messaging_limit: optional(integerOrUnlimited(1, 1_000_000_000), {
    help: 'Different people who may be reached outside their window in 24 hours. Absent: what the platform says.',
    sample: '100000',
  }),
})

const app = entries('An app at the platform: it sends webhooks and holds the access to its numbers.', 1_000, {
  id: required(name, { help: 'Your name for it; its webhooks go to /webhooks/whatsapp/<id>.', sample: '"main"' }),
  portfolio: required(name, { help: 'The id of a declared portfolio.', sample: '"acme"' }),
  app_secret: requiredSecret({ help: 'Signs its webhooks.', sample: '"env:WA_APP_SECRET"' }),
  app_secret_previous: optionalSecret({
    help: 'Also believed while the secret is being changed.',
    sample: '"env:WA_APP_SECRET_PREVIOUS"',
  }),
  verify_token: requiredSecret({
    help: 'What the platform repeats when the webhook is set up.',
    sample: '"env:WA_VERIFY_TOKEN"',
  }),
  access_token: requiredSecret({ help: 'Of a system user; sends messages.', sample: '"env:WA_ACCESS_TOKEN"' }),
  graph_version: defaulted(graphVersion, 'v25.0', { help: "The version of the platform's API to speak." }),
})

const number = entries('A number, created or updated at start. More can be added in the console or the API.', 10_000, {
  phone_number_id: required(digits, { help: "The platform's id of it.", sample: '"106540352242922"' }),
  app: required(name, { help: 'The id of a declared app.', sample: '"main"' }),
  alias: optional(name, { help: 'A short name for logs. Absent: the phone_number_id.', sample: '"support-us"' }),
  display: optional(phone, { help: 'The number itself. Absent: learned from webhooks.', sample: '"+15550783881"' }),
  waba: optional(digits, {
    help: 'The WhatsApp Business account it belongs to; its numbers share templates.',
    sample: '"102290129340398"',
  }),
  pool: defaulted(name, 'default', { help: 'Failover moves a message only inside a pool.', sample: '"support"' }),
  messages_per_second: optional(integer(1, 1_000), {
    help: 'Your ceiling for it. Absent: learned, starting at 80.',
    sample: '80',
  }),
  proxy: optionalSecret({
    help: 'The outgoing proxy of this number, or "none" for none. Absent: that of [proxy].',
    sample: '"none"',
  }),
})

function deadline(fallback: number, help: string) {
  return defaulted(integer(1_000, WAIT_DAYS_MAX * DAY_MS), fallback, { help })
}

function doubtWait(fallback: number, help: string) {
  return defaulted(integer(1, WAIT_DAYS_MAX * DAY_S), fallback, { help })
}

const dispatch = section('How messages leave.', {
  deadline_ms: section('Until when a message of a class must have left, unless the request says otherwise.', {
    urgent: deadline(60_000, 'Deadline of codes and transactions.'),
    reply: deadline(30_000, 'Deadline of people answering people.'),
    notice: deadline(HOUR_MS, 'Deadline of utility templates.'),
    bulk: deadline(DAY_MS, 'Deadline of campaigns.'),
  }),
  in_doubt_wait_s: section('How long a message that may have gone out waits for a status that says so.', {
    urgent: doubtWait(20, 'How long a code or transaction in doubt waits for a status; then it is sent again.'),
    reply: doubtWait(120, 'How long a reply in doubt waits; then it is held for the agent.'),
    notice: doubtWait(120, 'How long a utility template in doubt waits; then it is held.'),
    bulk: doubtWait(86_400, 'How long a campaign message in doubt waits; then it fails.'),
  }),
})

const limits = section('Bounds; beyond them the gateway refuses instead of swelling.', {
  webhook_body_bytes_max: defaulted(integer(64 * 1024, 64 * MIB), 3 * MIB + 256 * 1024, {
    help: 'The largest webhook. The platform sends up to 3 MB; the rest is headroom.',
  }),
  webhook_backlog_ms: defaulted(integer(50, 60_000), 500, {
    help: 'Age of the oldest webhook not yet applied from which new ones are delayed, then answered 503.',
  }),
  queue_max: defaulted(integer(1_000, 10_000_000), 100_000, {
    help: 'Messages of one class that wait in memory to be sent.',
  }),
  requests_per_second: defaulted(integer(1, 100_000), 5_000, {
    help: 'Requests of one API key; up to four seconds of them at once. Beyond it 429. Tickets for sockets do not count.',
  }),
})

/** The one description of the configuration. Keys outside tables come first: TOML wants it so. */
export const SCHEMA = {
  data_dir: defaulted(filePath, './data', { help: 'The folder that holds everything.' }),
  master_key_file: optional(filePath, {
    help: 'A file with 32 bytes as 64 hexadecimal or 44 base64 characters; it wraps all other keys. Keep it outside the data folder. Required as soon as an app is configured.',
    sample: '"/etc/gatehouse/master.key"',
  }),
  bootstrap_token: optionalSecret({
    help: "An owner's API key that holds while it is set.",
    sample: '"env:BOOTSTRAP_TOKEN"',
  }),
  graph_url: defaulted(webUrl, 'https://graph.facebook.com', { help: "The platform's address." }),
  simulator_port: defaulted(port, 8090, { help: 'Where the simulator listens.' }),
  allow_private: defaulted(listOf(network, LIST_COUNT_MAX), [], {
    help: 'Private networks that onward webhooks may reach, and that the hosts of [media] may lie in.',
  }),
  log_level: defaulted(oneOf(['debug', 'info', 'warn', 'error']), 'info', { help: 'The least that is logged.' }),
  http,
  media: section('The files of messages.', {
    hosts: defaulted(listOf(hostName, LIST_COUNT_MAX), ['lookaside.fbsbx.com'], {
      help: 'Hosts that attachments may be fetched from, besides that of graph_url.',
    }),
    size_bytes_max: defaulted(integer(MIB, 2_048 * MIB), 100 * MIB, {
      help: 'A larger file is not fetched; the thread says so. The platform takes up to 100 MB from customers.',
    }),
    keep_days: optional(integer(1, 36_500), {
      help: 'Days after which files are removed; their messages stay and say so. Absent: for ever.',
      sample: '365',
    }),
  }),
  messages: section('How messages are shown.', {
    revoked: defaulted(oneOf(['keep', 'hide', 'delete']), 'hide', {
      help: 'A message that its author takes back stays as it is, is shown to nobody but who may ask for it, or is overwritten.',
    }),
  }),
  dispatch,
  limits,
  proxy: section('The outgoing proxy. HTTP_PROXY and its like in the environment are not used.', {
    url: optionalSecret({
      help: 'Everything that leaves goes through it. http or https, with user and password where it wants them.',
      sample: '"http://user:password@proxy.example.com:3128"',
    }),
    no_proxy: defaulted(listOf(hostOrNetwork, LIST_COUNT_MAX), [], {
      help: 'Hosts (with all below them) and networks that are reached without any proxy.',
      sample: '["internal.example.com", "10.0.0.0/8"]',
    }),
  }),
  backup: section('Copies of everything, in other places.', {
    folder: optional(filePath, {
      help: 'Where backups go: another disk. Needs vault_folder.',
      sample: '"/backup/gatehouse"',
    }),
    vault_folder: optional(filePath, {
      help: 'Where the copies of the vault go, which open the backups: another place than folder.',
      sample: '"/backup-of-keys/gatehouse"',
    }),
    vault_beside: defaulted(boolean, false, {
      help: 'Lets vault_folder lie in or beside folder, although whoever takes one then takes both.',
    }),
    every_hours: defaulted(integer(1, 8_760), 24, { help: 'Hours between two backups, if folder is set.' }),
    keep: defaulted(integer(1, 1_000), 7, { help: 'Whole backups that stay; older ones are removed.' }),
    vault_keep: defaulted(integer(1, 1_000), 2, {
      help: 'Copies of the vault that stay. A later one opens an older backup too, without the people erased since.',
    }),
    drill_hour: optional(integer(0, 23), {
      help: 'The hour of this machine at which the newest backup is restored on trial every night, beside the house: it wants room for a copy in the data folder. Absent: only gatehouse restore drill does it.',
      sample: '4',
    }),
    ship_folder: optional(filePath, {
      help: 'A second place for the journal, another disk or host and this house alone: what came in is there within a second.',
      sample: '"/mnt/second/gatehouse-journal"',
    }),
  }),
  storage: section('What is kept.', {
    quota_gb: optional(integer(1, 1_000_000), {
      help: 'The most that the data folder may hold, in 1,000,000,000 bytes. At 85 % it is said; at 95 % no more files are fetched; at 100 % it is as on a full disk: webhooks are answered 503 and nothing is sent until there is room, while erasures go on. Absent: what the disk has.',
      sample: '200',
    }),
    journal_keep_days: defaulted(integer(8, 90), 8, {
      help: 'Days that what came in is kept as raw bytes, to be replayed; then its key is destroyed. The platform repeats itself for 7 days, so no fewer than 8.',
    }),
    events_keep_days: defaulted(integer(1, 3_650), 8, { help: 'Days that events can be resumed from.' }),
    upgrade_copy_days: defaulted(integer(1, 90), 8, {
      help: 'Days that the copy of before an upgrade of the data folder is kept; so long can gatehouse rollback go back to it.',
    }),
    trust_clock: defaulted(boolean, false, {
      help: "You vouch for this machine's clock. Otherwise nothing is destroyed by date until a platform's answer says the same time.",
    }),
  }),
  sign_in: section('How people come in.', {
    idle_minutes: defaulted(integer(5, 10_080), 480, { help: 'A browser session that is not used for so long ends.' }),
    absolute_hours: defaulted(integer(1, 720), 12, { help: 'A browser session ends after so long, used or not.' }),
    oidc: section(
      'Single sign-on with OpenID Connect. Its client is sent back to <public_url>/api/auth/oidc/callback.',
      {
        issuer: optional(issuer, {
          help: 'The provider, exactly as it names itself. Absent: no single sign-on.',
          sample: '"https://login.example.com/realms/acme"',
        }),
        client_id: optional(text, { help: 'What the provider knows this house by.', sample: '"gatehouse"' }),
        client_secret: optionalSecret({ help: "The client's secret.", sample: '"env:OIDC_CLIENT_SECRET"' }),
        scopes: defaulted(listOf(name, 16), ['openid', 'profile', 'email'], { help: 'What is asked for.' }),
        groups_claim: defaulted(text, 'groups', { help: 'The claim that lists the groups of somebody.' }),
        roles: defaulted(listOf(groupRole, LIST_COUNT_MAX), [], {
          help: 'Which group has which role; the first that fits. Who is in none is not let in. Empty: only people come in who have connected their account, with the role they have.',
          sample: '["gatehouse-admins = admin", "desk = agent"]',
        }),
      },
    ),
  }),
  workspace,
  whatsapp: section('WhatsApp.', { portfolio, app, number }),
} as const
