import { REVOKED_CHOICES, type Revoked } from './codes.ts'
import { input, type Tx } from './tx.ts'

export interface Settings {
  /** What becomes of a message that its author takes back. */
  revoked: Revoked
}

/** Says the workspace's settings; at every start, before anything is applied by them. */
export const declareSettings = input('settings.declare', async (tx: Tx, settings: Settings) => {
  await writeSettings(tx, settings)
  return null
})

export async function writeSettings(tx: Tx, settings: Settings): Promise<void> {
  await tx.run(
    'INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    'messages.revoked',
    settings.revoked,
  )
}

/** A revoke is taken by the setting of its moment; a later setting changes nothing of it. */
export async function revokedSetting(tx: Tx): Promise<Revoked> {
  const row = await tx.one<{ value: string }>("SELECT value FROM settings WHERE name = 'messages.revoked'")
  return REVOKED_CHOICES.find((choice) => choice === row?.value) ?? 'hidden'
}
