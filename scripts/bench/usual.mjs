/**
 * A team's usual choice: Fastify and better-sqlite3 on Node, one FULL transaction a request that finds or makes the
 * contact and the conversation and writes the message, all in clear, with the indexes that a list of conversations and a
 * thread need. Its packages are installed by ingest.ts into .cache/bench/usual, from where this file is run.
 *
 *   node usual.mjs <file> <port> <secret>
 *   node usual.mjs <file> fill <messages> <people>
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import Database from 'better-sqlite3'
import fastify from 'fastify'

const [path, port, secret] = process.argv.slice(2)
const database = new Database(path)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.pragma('cache_size = -65536')
database.exec(`
  CREATE TABLE IF NOT EXISTS contacts (id INTEGER PRIMARY KEY, phone TEXT NOT NULL UNIQUE, name TEXT, created_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS conversations (id INTEGER PRIMARY KEY, number TEXT NOT NULL, contact_id INTEGER NOT NULL,
    last_message_at INTEGER NOT NULL, unread INTEGER NOT NULL DEFAULT 0, UNIQUE (contact_id, number));
  CREATE INDEX IF NOT EXISTS conversations_recent ON conversations (last_message_at);
  CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, conversation_id INTEGER NOT NULL, upstream_id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS messages_conversation ON messages (conversation_id, at);
  CREATE TABLE IF NOT EXISTS statuses (id INTEGER PRIMARY KEY, upstream_id TEXT NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL,
    body TEXT NOT NULL, UNIQUE (upstream_id, status));
`)
const upsertContact = database.prepare(
  'INSERT INTO contacts (phone, name, created_at) VALUES (?, ?, ?) ON CONFLICT (phone) DO UPDATE SET name = excluded.name RETURNING id',
)
const upsertConversation = database.prepare(
  `INSERT INTO conversations (number, contact_id, last_message_at, unread) VALUES (?, ?, ?, 1)
   ON CONFLICT (contact_id, number) DO UPDATE SET last_message_at = excluded.last_message_at, unread = unread + 1 RETURNING id`,
)
const insertMessage = database.prepare(
  'INSERT OR IGNORE INTO messages (conversation_id, upstream_id, at, type, body) VALUES (?, ?, ?, ?, ?)',
)
const insertStatus = database.prepare(
  'INSERT OR IGNORE INTO statuses (upstream_id, status, at, body) VALUES (?, ?, ?, ?)',
)

const take = database.transaction((payload) => {
  for (const entry of payload.entry) {
    for (const { value } of entry.changes) {
      const names = new Map((value.contacts ?? []).map((contact) => [contact.wa_id, contact.profile?.name]))
      for (const message of value.messages ?? []) {
        const at = Number(message.timestamp) * 1000
        const contact = upsertContact.get(message.from, names.get(message.from) ?? null, Date.now())
        const conversation = upsertConversation.get(value.metadata.phone_number_id, contact.id, at)
        insertMessage.run(conversation.id, message.id, at, message.type, JSON.stringify(message))
      }
      for (const status of value.statuses ?? []) {
        insertStatus.run(status.id, status.status, Number(status.timestamp) * 1000, JSON.stringify(status))
      }
    }
  }
})

/** Rows as `take` writes them, without syncing and without the transaction of each. */
function fill(messages, people) {
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -1500000')
  database.exec('DROP INDEX messages_conversation')
  const text = 'Hello, I ordered on Monday and it is not here.'
  const startMs = Date.now() - 7 * 86_400_000
  const batch = database.transaction((from, to) => {
    for (let index = from; index < to; index++) {
      // The first message of everybody, then few people who write much and many who write little.
      const person = index < people ? index : Math.floor(people ** Math.random())
      const at = startMs + Math.floor((index / messages) * 7 * 86_400) * 1000
      const phone = `49151${10_000_000 + person}`
      if (index < people) upsertContact.get(phone, `Customer ${person}`, at)
      if (index < people) upsertConversation.get('106540352242922', person + 1, at)
      const id = `wamid.${randomBytes(42).toString('base64')}`
      const body = JSON.stringify({ from: phone, id, timestamp: String(at / 1000), text: { body: text }, type: 'text' })
      insertMessage.run(person + 1, id, at, 'text', body)
    }
  })
  for (let index = 0; index < messages; index += 10_000) batch.immediate(index, Math.min(messages, index + 10_000))
  database.exec('CREATE INDEX messages_conversation ON messages (conversation_id, at)')
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
}

async function serve() {
  const app = fastify({ logger: false, bodyLimit: 4 * 1024 * 1024 })
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post('/webhooks/whatsapp/:app', (request, reply) => {
    const claimed = Buffer.from(String(request.headers['x-hub-signature-256'] ?? '').slice(7), 'hex')
    const digest = createHmac('sha256', secret).update(request.body).digest()
    if (claimed.length !== digest.length || !timingSafeEqual(claimed, digest)) return reply.code(401).send()
    take.immediate(JSON.parse(request.body.toString('utf8')))
    return reply.send('OK')
  })
  await app.listen({ host: '127.0.0.1', port: Number(port) })
  console.log(app.server.address().port)
}

if (port === 'fill') fill(Number(secret), Number(process.argv[5]))
else await serve()
