/** Writes config/grafana/gatehouse.json anew: what a panel shows stands here once, what Grafana wants around it is made. */

interface Query {
  expr: string
  /** What a series is called; `{{label}}` is its label. */
  name: string
}

interface Panel {
  title: string
  /** What it means, where the title does not say it all. */
  about?: string
  /** Grafana's words: s, bytes, percentunit, reqps, short, dateTimeFromNow … */
  unit: string
  queries: Query[]
  kind?: 'timeseries' | 'stat'
  /** From this value on it is red. */
  redFrom?: number
}

const THIS = 'job="gatehouse",instance=~"$instance"'
const RATE = '[$__rate_interval]'

function metric(name: string, labels = ''): string {
  return `gatehouse_${name}{${THIS}${labels === '' ? '' : `,${labels}`}}`
}

function rate(name: string, by: string, labels = ''): Query[] {
  return [{ expr: `sum by (${by}) (rate(${metric(name, labels)}${RATE}))`, name: `{{${by}}}` }]
}

/** The usual one, the slow ones and the slowest of a histogram. */
function quantiles(name: string, by = ''): Query[] {
  const labels = by === '' ? 'le' : `le, ${by}`
  const suffix = by === '' ? '' : ` {{${by}}}`
  return (by === '' ? [0.5, 0.99, 0.999] : [0.99]).map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${labels}) (rate(${metric(`${name}_bucket`)}${RATE})))`,
    name: `p${quantile * 100}${suffix}`,
  }))
}

function one(expr: string, name = ''): Query[] {
  return [{ expr, name }]
}

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  'At a glance': [
    {
      title: 'Ready',
      about: '1: webhooks are taken.',
      unit: 'short',
      kind: 'stat',
      queries: one(`min(${metric('ready')})`),
    },
    {
      title: 'Running since',
      unit: 'dateTimeFromNow',
      kind: 'stat',
      queries: one(`1000 * max(${metric('process_start_time_seconds')})`),
    },
    {
      title: 'Last webhook',
      unit: 'dateTimeFromNow',
      kind: 'stat',
      queries: one(`1000 * max(${metric('last_webhook_timestamp_seconds')})`),
    },
    {
      title: 'Waiting to be sent',
      unit: 'short',
      kind: 'stat',
      queries: one(`sum(${metric('queue_messages')})`),
    },
    {
      title: 'In doubt or held',
      unit: 'short',
      kind: 'stat',
      redFrom: 1,
      queries: one(`sum(${metric('unsettled_messages')})`),
    },
    {
      title: 'Set aside',
      unit: 'short',
      kind: 'stat',
      redFrom: 1,
      queries: one(`sum(${metric('quarantined_items')})`),
    },
  ],
  'What comes in': [
    { title: 'Webhooks by outcome', unit: 'reqps', queries: rate('webhooks_total', 'outcome') },
    {
      title: 'Answer to a webhook',
      about: 'From a webhook complete in memory to its answer; it holds one synced commit.',
      unit: 's',
      queries: quantiles('webhook_seconds'),
    },
    { title: 'Behind with applying', unit: 's', queries: one(metric('apply_lag_seconds'), 'oldest not applied') },
    { title: 'Messages by state', unit: 'cps', queries: rate('messages_total', 'state') },
    {
      title: 'Files',
      unit: 'short',
      queries: [
        { expr: metric('media_waiting'), name: 'waiting' },
        { expr: `sum by (outcome) (increase(${metric('media_fetch_total')}[1h]))`, name: '{{outcome}} in an hour' },
      ],
    },
    {
      title: 'Bytes of files',
      unit: 'Bps',
      queries: one(`sum(rate(${metric('media_bytes_total')}${RATE}))`, 'fetched'),
    },
    {
      title: 'History still to be applied',
      about: 'Webhooks that bring what was said before; they yield to what is said now.',
      unit: 'short',
      queries: one(metric('later_bodies'), 'webhooks'),
    },
    {
      title: 'Said by platforms',
      unit: 'short',
      queries: [
        { expr: `sum by (severity) (increase(${metric('notices_total')}[1h]))`, name: 'notice, {{severity}}' },
        { expr: `sum by (kind) (increase(${metric('unknown_items_total')}[1h]))`, name: 'not understood: {{kind}}' },
      ],
    },
  ],
  'What goes out': [
    { title: 'Waiting by class', unit: 'short', queries: one(metric('queue_messages'), '{{class}}') },
    { title: 'Oldest waiting', unit: 's', queries: one(metric('oldest_waiting_seconds'), '{{class}}') },
    {
      title: 'From queued to leaving',
      about: 'The slowest one in a hundred of each class.',
      unit: 's',
      queries: quantiles('send_wait_seconds', 'class'),
    },
    { title: 'Answers of platforms', unit: 'reqps', queries: rate('send_total', 'outcome') },
    {
      title: 'Sent again, throttled',
      unit: 'short',
      queries: [
        { expr: `sum(increase(${metric('resends_total')}[1h]))`, name: 'sent again after doubt, in an hour' },
        { expr: `sum(increase(${metric('throttled_total')}[1h]))`, name: 'too fast, in an hour' },
        { expr: metric('in_flight_messages'), name: 'without an answer yet' },
      ],
    },
    { title: 'In doubt, held', unit: 'short', queries: one(metric('unsettled_messages'), '{{state}}') },
  ],
  Limits: [
    {
      title: 'Use of each limit',
      about: 'Of what the platform lets a number send, inbound counted.',
      unit: 'percentunit',
      queries: one(metric('limit_used_ratio'), '{{number}}'),
      redFrom: 0.95,
    },
    {
      title: 'Numbers by state',
      unit: 'short',
      queries: one(`count by (state) (${metric('number_state')})`, '{{state}}'),
    },
    {
      title: 'Access tokens expire in',
      about: 'Those that do. The platform is asked once a day.',
      unit: 's',
      queries: one(`${metric('access_token_expires_timestamp_seconds')} - time() < 1e10`, '{{app}}'),
    },
    {
      title: 'Without an answer',
      about: '1: the breaker of the number is open.',
      unit: 'short',
      queries: one(metric('number_breaker_open'), '{{number}}'),
      redFrom: 1,
    },
  ],
  'Screens and programs': [
    { title: 'Open sockets', unit: 'short', queries: one(metric('socket_connections'), 'sockets') },
    { title: 'From commit to frame', unit: 's', queries: quantiles('socket_lag_seconds') },
    {
      title: 'Events delivered',
      unit: 'cps',
      queries: [
        { expr: `sum(rate(${metric('socket_events_total')}${RATE}))`, name: 'to sockets' },
        { expr: `sum(rate(${metric('events_offset')}${RATE}))`, name: 'made' },
      ],
    },
    {
      title: 'Sockets closed and refused',
      unit: 'cps',
      queries: [
        { expr: `sum by (outcome) (rate(${metric('socket_closes_total')}${RATE}))`, name: 'closed: {{outcome}}' },
        { expr: `sum by (outcome) (rate(${metric('socket_refusals_total')}${RATE}))`, name: 'refused: {{outcome}}' },
      ],
    },
    { title: 'Requests by status', unit: 'reqps', queries: rate('http_requests_total', 'status') },
    { title: 'Slow requests', unit: 's', queries: quantiles('http_request_seconds', 'route') },
    { title: 'Search', unit: 's', queries: quantiles('search_seconds') },
    { title: 'Not in the word index yet', unit: 'short', queries: one(metric('search_behind_messages'), 'messages') },
  ],
  'People and their looks': [
    { title: 'Signed in', unit: 'short', queries: one(metric('browser_sessions'), 'browsers') },
    {
      title: 'Sign-ins',
      unit: 'short',
      queries: one(`sum by (outcome) (increase(${metric('sign_ins_total')}[1h]))`, '{{outcome}} in an hour'),
    },
    {
      title: 'In the audit',
      about: 'Acts, and looks at personal data, by what was done.',
      unit: 'short',
      queries: one(`sum by (action) (increase(${metric('audit_rows_total')}[1h]))`, '{{action}} in an hour'),
    },
  ],
  Storage: [
    { title: 'Free on the disk', unit: 'bytes', queries: one(metric('disk_free_bytes'), 'free') },
    {
      title: 'Full in',
      about: 'At the pace of the last days; nothing where that is not known, or never.',
      unit: 's',
      queries: one(`${metric('disk_full_forecast_seconds')} < +Inf`, 'disk or quota'),
    },
    { title: 'The folder', unit: 'bytes', queries: one(metric('folder_bytes'), '{{part}}') },
    { title: 'Commit of the journal', unit: 's', queries: quantiles('journal_commit_seconds') },
    { title: 'Commit of the book', unit: 's', queries: quantiles('book_commit_seconds') },
    {
      title: 'Inputs in a commit',
      unit: 'short',
      queries: one(
        `sum(rate(${metric('book_batch_inputs_sum')}${RATE})) / sum(rate(${metric('book_batch_inputs_count')}${RATE}))`,
        'on average',
      ),
    },
    { title: 'Write-ahead logs', unit: 'bytes', queries: one(metric('wal_bytes'), '{{database}}') },
    { title: 'Quota', unit: 'percentunit', queries: one(metric('quota_used_ratio'), 'used'), redFrom: 0.9 },
    {
      title: 'Erasures',
      unit: 'short',
      queries: [
        { expr: metric('erasures_running'), name: 'under way' },
        { expr: `sum by (state) (increase(${metric('erasures_total')}[1d]))`, name: '{{state}} in a day' },
        { expr: `sum(increase(${metric('journal_keys_destroyed_total')}[1d]))`, name: 'days of the journal ended' },
      ],
    },
  ],
  Backups: [
    {
      title: 'Last backup',
      unit: 'dateTimeFromNow',
      kind: 'stat',
      queries: one(`1000 * max(${metric('backup_last_success_timestamp_seconds')} > 0)`),
    },
    {
      title: 'Last drill',
      about: 'When a backup was last restored on trial.',
      unit: 'dateTimeFromNow',
      kind: 'stat',
      queries: one(`1000 * max(${metric('restore_drill_last_success_timestamp_seconds')} > 0)`),
    },
    { title: 'Took', unit: 's', kind: 'stat', queries: one(metric('backup_duration_seconds')) },
    {
      title: 'Size',
      about: 'Without the media it shares with others.',
      unit: 'bytes',
      kind: 'stat',
      queries: one(metric('backup_last_bytes')),
    },
    {
      title: 'Failures in a week',
      unit: 'short',
      kind: 'stat',
      redFrom: 1,
      queries: [
        { expr: `sum(increase(${metric('backup_failures_total')}[1w]))`, name: 'backups' },
        { expr: `sum(increase(${metric('journal_ship_failures_total')}[1w]))`, name: 'shipping' },
      ],
    },
    {
      title: 'Behind with shipping',
      about: 'Age of the oldest entry of the journal that is on one disk only.',
      unit: 's',
      kind: 'stat',
      redFrom: 60,
      queries: one(metric('journal_ship_lag_seconds')),
    },
  ],
  'The process': [
    {
      title: 'Processors in use',
      unit: 'short',
      queries: one(`rate(${metric('process_cpu_seconds_total')}${RATE})`, 'processors'),
    },
    {
      title: 'Memory',
      unit: 'bytes',
      queries: [
        { expr: metric('process_resident_memory_bytes'), name: 'in RAM' },
        { expr: metric('process_heap_used_bytes'), name: "main thread's objects" },
      ],
    },
    { title: 'Delay of the main thread', unit: 's', queries: quantiles('loop_lag_seconds') },
    { title: 'Open files', unit: 'short', queries: one(metric('process_open_fds'), 'descriptors') },
    {
      title: 'Full queues',
      unit: 'short',
      queries: one(`sum by (queue) (increase(${metric('overflow_total')}[1h]))`, '{{queue}} in an hour'),
    },
    {
      title: 'Configuration read anew',
      unit: 'short',
      queries: one(`sum by (outcome) (increase(${metric('config_reloads_total')}[1h]))`, '{{outcome}} in an hour'),
    },
    {
      title: 'Fields kept out of the log',
      about: 'A mistake of the program, never of yours: report it.',
      unit: 'short',
      redFrom: 1,
      queries: one(`sum(increase(${metric('log_fields_dropped_total')}[1h]))`, 'in an hour'),
    },
    {
      title: 'What runs',
      unit: 'short',
      queries: one(metric('build_info'), '{{instance}}: {{version}} {{commit}}, Bun {{bun}}, SQLite {{sqlite}}'),
    },
  ],
}

const DATA_SOURCE = { type: 'prometheus', uid: '$source' }
const COLUMNS = 24
const WIDTHS = { stat: 4, timeseries: 8 }
const HEIGHTS = { stat: 4, timeseries: 8 }

function panelOf(panel: Panel, id: number, place: object) {
  const { title, about = '', unit, queries, kind = 'timeseries', redFrom } = panel
  const steps = [{ color: 'green', value: null }, ...(redFrom === undefined ? [] : [{ color: 'red', value: redFrom }])]
  return {
    id,
    type: kind,
    title,
    description: about,
    datasource: DATA_SOURCE,
    gridPos: place,
    fieldConfig: {
      defaults: { unit, min: kind === 'timeseries' ? 0 : null, thresholds: { mode: 'absolute', steps } },
      overrides: [],
    },
    options:
      kind === 'stat'
        ? { reduceOptions: { calcs: ['lastNotNull'] } }
        : { legend: { displayMode: 'list', placement: 'bottom' } },
    targets: queries.map(({ expr, name }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATA_SOURCE,
      expr,
      legendFormat: name,
    })),
  }
}

function panels() {
  const made: object[] = []
  let y = 0
  let id = 0
  for (const [title, row] of Object.entries(ROWS)) {
    made.push({ id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] })
    y += 1
    let x = 0
    let h = 0
    for (const panel of row) {
      const kind = panel.kind ?? 'timeseries'
      const w = WIDTHS[kind]
      if (x + w > COLUMNS) {
        x = 0
        y += h
      }
      h = HEIGHTS[kind]
      made.push(panelOf(panel, ++id, { x, y, w, h }))
      x += w
    }
    y += h
  }
  return made
}

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  return {
    uid: 'gatehouse',
    title: 'Gatehouse',
    tags: ['gatehouse'],
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    schemaVersion: 38,
    templating: {
      list: [
        { name: 'source', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'instance',
          label: 'House',
          type: 'query',
          datasource: DATA_SOURCE,
          query: 'label_values(gatehouse_build_info{job="gatehouse"}, instance)',
          refresh: 2,
          multi: true,
          includeAll: true,
          allValue: '.+',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: panels(),
  }
}

export const DASHBOARD_FILE = new URL('../config/grafana/gatehouse.json', import.meta.url)

/** As it stands in the file. */
export function dashboardText(): string {
  return `${JSON.stringify(dashboard(), null, 2)}\n`
}

if (import.meta.main) await Bun.write(DASHBOARD_FILE, dashboardText())
