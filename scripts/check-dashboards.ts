/**
 * Runs every query of the dashboard and of the alerts against a real Prometheus that scrapes a real house with some traffic:
 * none may be refused, and which ones answer nothing is listed. Wants Debian's package `prometheus`.
 * `bun scripts/check-dashboards.ts [--seconds 40]`
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pause, systemClock } from '../src/core/clock.ts'
import { TestGateway, until } from '../src/testing/test-gateway.ts'
import { DASHBOARD_FILE } from './dashboard.ts'

const ALERTS = new URL('../config/prometheus/alerts.yml', import.meta.url)

interface Query {
  where: string
  expr: string
}

function queries(): Query[] {
  const dashboard = JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  const alerts = Bun.YAML.parse(readFileSync(ALERTS, 'utf8')) as {
    groups: { rules: { alert?: string; record?: string; expr: string }[] }[]
  }
  return [
    ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
    ...alerts.groups.flatMap(({ rules }) =>
      rules.map(({ alert, record, expr }) => ({ where: alert === undefined ? `${record}` : `alert ${alert}`, expr })),
    ),
  ]
}

/** What Grafana puts in the place of its variables. */
function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '15s').replaceAll('$instance', '.+')
}

/** Some of everything: messages both ways, a send that fails, doubt, sockets that read, a body that cannot be read. */
async function traffic(house: TestGateway, turn: number): Promise<void> {
  const phone = `+1555077${1000 + (turn % 50)}`
  await house.write(phone, `Message ${turn} about parcels`)
  const { id } = await house.conversationOf(phone)
  await house.api('/api/v1/messages', { to: id, type: 'text', text: { body: `Answer ${turn}` } })
  await house.api('/api/v1/search', { q: 'parcels' })
  await house.api('/api/v1/events?limit=10')
  if (turn % 20 === 5) await house.webhook('not JSON')
  if (turn % 20 === 9) await house.webhook('{}', { signature: 'sha256=00' })
}

async function listen(house: TestGateway): Promise<WebSocket> {
  const { body } = await house.api('/api/v1/realtime/tickets', {})
  const address = `${house.url.replace('http', 'ws')}/realtime`
  const socket = new WebSocket(address, ['gatehouse.v1', `ticket.${body.ticket}`])
  await new Promise<void>((resolve, reject) => {
    socket.onerror = () => reject(new Error('The socket was refused'))
    socket.onmessage = ({ data }) => {
      const said = JSON.parse(String(data)) as { type: string; head: number; epoch: string }
      if (said.type !== 'hello') return
      socket.send(JSON.stringify({ type: 'subscribe', id: 1, after: said.head, epoch: said.epoch }))
      resolve()
    }
  })
  return socket
}

async function startPrometheus(folder: string, target: string) {
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const configuration = `global: { scrape_interval: 2s, evaluation_interval: 5s }
rule_files: [${ALERTS.pathname}]
scrape_configs:
  - job_name: gatehouse
    static_configs: [{ targets: ["${target}"], labels: { instance: main } }]
`
  writeFileSync(join(folder, 'prometheus.yml'), configuration)
  const child = Bun.spawn(
    [
      'prometheus',
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'series')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdout: 'inherit', stderr: 'inherit' },
  )
  const url = `http://127.0.0.1:${port}`
  await until(
    'Prometheus is ready',
    async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok,
    () => '',
    30_000,
  )
  return { url, child }
}

async function ask(url: string, expr: string): Promise<{ series: number } | { error: string }> {
  const answer = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: filledIn(expr) }),
  })
  const body = (await answer.json()) as { status: string; error?: string; data?: { result: unknown[] } }
  return body.status === 'success' ? { series: body.data?.result.length ?? 0 } : { error: body.error ?? 'unknown' }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '40' } } })
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-dashboards-'))
  const house = await TestGateway.open({ sendTimeoutMs: 300 })
  const prometheus = await startPrometheus(folder, new URL(house.url).host)
  const socket = await listen(house)
  try {
    const endMs = systemClock.monoMs() + Number(values.seconds) * 1000
    for (let turn = 0; systemClock.monoMs() < endMs; turn++) {
      await traffic(house, turn)
      await pause(systemClock, 100)
    }
    let refused = 0
    const empty: string[] = []
    const all = queries()
    for (const { where, expr } of all) {
      const answer = await ask(prometheus.url, expr)
      if ('error' in answer) {
        refused++
        console.log(`REFUSED  ${where}: ${answer.error}\n         ${expr}`)
      } else if (answer.series === 0) empty.push(where)
      else if (where.startsWith('alert ')) console.log(`fires    ${where}`)
    }
    const panels = empty.filter((where) => !where.startsWith('alert '))
    for (const where of panels) console.log(`nothing  ${where}`)
    console.log(
      `${all.length} queries: ${refused} refused, ${panels.length} panels without an answer, ${empty.length - panels.length} alerts quiet`,
    )
    return refused === 0 ? 0 : 1
  } finally {
    socket.close()
    prometheus.child.kill()
    await prometheus.child.exited
    await house.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exit(await main())
