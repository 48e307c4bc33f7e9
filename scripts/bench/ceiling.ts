/**
 * The bare ceiling: Bun.serve, HMAC, JSON.parse, and one FULL commit of the raw bytes for all that came in during one
 * turn of the loop. Nothing is understood, sealed, looked up or told to anybody.
 *
 *   bun scripts/bench/ceiling.ts <file> <port>
 */
import { Database } from 'bun:sqlite'
import { timingSafeEqual } from 'node:crypto'
import { APP_SECRET } from './bodies.ts'

const [path = ':memory:', port = '0'] = process.argv.slice(2)
const database = new Database(path, { create: true })
database.run('PRAGMA journal_mode = WAL')
database.run('PRAGMA synchronous = FULL')
database.run('PRAGMA wal_autocheckpoint = 200')
database.run(
  'CREATE TABLE IF NOT EXISTS bodies (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL) STRICT',
)
const insert = database.prepare('INSERT INTO bodies (at, body) VALUES (?1, ?2)')
const commit = database.transaction((batch: readonly Waiting[]) => {
  for (const { body } of batch) insert.run(Date.now(), body)
})

interface Waiting {
  body: Uint8Array
  resolve: () => void
}

let waiting: Waiting[] = []

function store(body: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push({ body, resolve }) > 1) return
    setImmediate(() => {
      const batch = waiting
      waiting = []
      commit.immediate(batch)
      for (const one of batch) one.resolve()
    })
  })
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  async fetch(request) {
    const body = new Uint8Array(await request.arrayBuffer())
    const claimed = Buffer.from((request.headers.get('x-hub-signature-256') ?? '').slice(7), 'hex')
    const digest = new Bun.CryptoHasher('sha256', APP_SECRET).update(body).digest()
    if (claimed.length !== digest.length || !timingSafeEqual(claimed, digest))
      return new Response(null, { status: 401 })
    JSON.parse(new TextDecoder().decode(body))
    await store(body)
    return new Response('OK')
  },
})
console.log(server.port)
