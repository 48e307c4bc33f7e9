/** What the runs of an installed house share, in a container or as a service: its configuration, webhooks, what is expected. */
import { signatureOf, webhookOf } from '../../src/simulator/webhook-body.ts'

export const SECRET = 'the-app-secret-of-an-installed-house'
export const KEY = 'gh_the-owner-key-of-an-installed-house'
/** Where `backup` puts the copies: of the house, and of its keys. */
export const BACKUPS = ['/backup/gatehouse', '/backup-of-keys/gatehouse'] as const
/** Before the tables: no platform is asked. */
export const HEAD = `bootstrap_token = "${KEY}"\ngraph_url = "http://127.0.0.1:9"\n`
const WAIT_MS_MAX = 60_000

/** One app; its secret as the configuration writes it. */
export function appWith(secret: string): string {
  return `[[whatsapp.portfolio]]
id = "acme"
[[whatsapp.app]]
id = "main"
portfolio = "acme"
app_secret = "${secret}"
verify_token = "v"
access_token = "a"
`
}

export const BACKUP_TABLE = `[backup]\nfolder = "${BACKUPS[0]}"\nvault_folder = "${BACKUPS[1]}"\n`

/** A customer's message as the platform posts it, with its signature. */
export function helloOf(id: string): { body: string; signature: string } {
  const person = { phone: '447700900142', name: 'Amara Osei', userId: 'GB.142', identity: 'phone' as const }
  const number = { phoneNumberId: '100000000000001', display: '+12025550101', alias: 'desk', wabaId: '200000000000001' }
  const message = { id, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: 'Hello' } }
  const body = JSON.stringify(webhookOf([{ kind: 'message', number, person, id, message }]))
  return { body, signature: signatureOf(body, SECRET) }
}

let wrongCount = 0

export function expect(what: string, is: unknown, wanted: unknown): void {
  const isRight = is === wanted
  if (!isRight) wrongCount++
  console.log(
    `${isRight ? 'ok    ' : 'WRONG '} ${what}${isRight ? '' : `: ${String(is)} instead of ${String(wanted)}`}`,
  )
}

/** Says how many expectations were wrong; answers the exit code. */
export function finish(): number {
  console.log(`${wrongCount} wrong`)
  return wrongCount === 0 ? 0 : 1
}

/** Throws with what the house said where it waits in vain. */
export async function waitFor(what: string, isSo: () => boolean, said: () => string): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`Waited in vain: ${what}\n${said()}`)
    await Bun.sleep(50)
  }
}

export interface Ran {
  code: number
  said: string
}

/** What a command said; throws where it failed. */
export function done({ code, said }: Ran): string {
  if (code !== 0) throw new Error(said)
  return said
}
