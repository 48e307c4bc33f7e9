import { isIP } from 'node:net'
import { connect } from 'node:tls'
import type { Fetch } from '../../channels/channel.ts'
import { type Clock, DAY_MS } from '../../core/clock.ts'
import { nameOfError } from '../../core/failure.ts'
import { type Finding, fail, lengthOf, ok, warn } from './finding.ts'

const ANSWER_MS_MAX = 5000
const EXPIRY_MS_WARN = 21 * DAY_MS
const EXPIRY_MS_FAIL = 3 * DAY_MS
const BYTES_MAX = 4096

/** What a TLS server showed. */
export type Certificate =
  | { kind: 'found'; untilMs: number; isTrusted: boolean; reason: string | null }
  | { kind: 'unreachable'; reason: string }

/** Looks at the certificate of an https address. Nothing is sent. */
export function readCertificate(url: URL, clock: Clock): Promise<Certificate> {
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    // A server is not asked for by an address.
    const named = isIP(host) === 0 ? { servername: host } : {}
    const socket = connect({ host, port: Number(url.port || 443), ...named, rejectUnauthorized: false })
    const cancel = clock.after(ANSWER_MS_MAX, () => end({ kind: 'unreachable', reason: 'no answer' }))
    function end(found: Certificate) {
      cancel()
      socket.destroy()
      resolve(found)
    }
    socket.on('error', (error) => end({ kind: 'unreachable', reason: nameOfError(error) }))
    socket.on('secureConnect', () => {
      const untilMs = Date.parse(socket.getPeerCertificate().valid_to)
      const refusal: unknown = socket.authorizationError
      const reason = refusal ? nameOfError(refusal instanceof Error ? refusal : new Error(String(refusal))) : null
      end({ kind: 'found', untilMs, isTrusted: socket.authorized, reason })
    })
  })
}

export function checkCertificate(found: Certificate, nowMs: number): Finding {
  const id = 'public_url.certificate'
  const remedy = 'Look at what renews it: the log of the reverse proxy'
  if (found.kind === 'unreachable') {
    return warn(id, `The public address does not answer: ${found.reason}`, 'Look at the reverse proxy and at DNS')
  }
  const leftMs = found.untilMs - nowMs
  if (!(leftMs > 0)) return fail(id, 'The certificate of the public address has expired', remedy)
  const what = `The certificate of the public address is valid for ${lengthOf(leftMs / 1000)} more`
  if (leftMs < EXPIRY_MS_FAIL) return fail(id, what, remedy)
  if (leftMs < EXPIRY_MS_WARN) return warn(id, what, remedy)
  if (!found.isTrusted) {
    return warn(
      id,
      'This machine does not trust the certificate of the public address',
      'The platform must: use a certificate of a public authority, with all certificates between',
    )
  }
  return ok(id, what)
}

export interface PublicAsk {
  publicUrl: string
  /** An app and its verify token: only this house answers its challenge. */
  app: { id: string; verifyToken: string } | null
}

/** Asks the house through its public address, as the platform and browsers do. */
export async function checkPublicAddress(ask: PublicAsk, fetch: Fetch, challenge: string): Promise<Finding> {
  const id = 'public_url'
  const { publicUrl, app } = ask
  try {
    const version = await textOf(fetch, `${publicUrl}/version`)
    if (version.status !== 200 || !version.text.includes('"gatehouse"')) {
      const what = `Something else answers at the public address (status ${version.status})`
      return fail(id, what, 'Point the reverse proxy to [http] host and port')
    }
    if (app === null) return ok(id, 'The public address leads to a Gatehouse')
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.verify_token': app.verifyToken,
      'hub.challenge': challenge,
    })
    const answer = await textOf(fetch, `${publicUrl}/webhooks/whatsapp/${encodeURIComponent(app.id)}?${query}`)
    if (answer.status === 200 && answer.text === challenge) return ok(id, 'The public address leads to this house')
    return fail(
      id,
      `The webhook's path does not answer at the public address (status ${answer.status})`,
      `Let the reverse proxy pass /webhooks on; is it the house that has app ${app.id}?`,
    )
  } catch (error) {
    return warn(
      id,
      `The public address could not be asked: ${nameOfError(error)}`,
      'Look at the reverse proxy and at DNS',
    )
  }
}

async function textOf(fetch: Fetch, url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  return { status: response.status, text: (await response.text()).slice(0, BYTES_MAX) }
}
