import { type InputContext, input, type Tx } from './tx.ts'

/** Keeps the hash of an API key; the key itself is shown once, by whoever made it. */
export const addApiKey = input(
  'api_key.add',
  async (tx: Tx, ask: { hash: Uint8Array; role: string }, { now, ids }: InputContext) => {
    const known = await tx.one<{ id: number }>('SELECT id FROM api_keys WHERE hash = ?1', ask.hash)
    if (known) return { id: known.id }
    const id = ids.next()
    await tx.run(
      'INSERT INTO api_keys (id, hash, role, created_at) VALUES (?1, ?2, ?3, ?4)',
      id,
      ask.hash,
      ask.role,
      now,
    )
    return { id }
  },
)
