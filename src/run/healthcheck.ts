import { connect } from 'node:net'
import { type CommandContext, EXIT_FAILED, EXIT_OK, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'

/** Whoever asks repeats it in a few seconds; a house that is this slow is not well. */
const ANSWER_MS_MAX = 3_000
const ANSWER_CHARS_MAX = 64 * 1024

/** Asks the house at the configured address whether it takes webhooks; with `--live` only whether it lives. */
export function healthcheckCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async ({ http }) => {
    const path = context.options['live'] === true ? '/healthz' : '/readyz'
    try {
      if (http.port === 0) throw new Error('http.port is 0: nobody knows where the house listens')
      const { status, body } = answerIn(await ask(hereOf(http.host), http.port, path))
      if (status === 200) return EXIT_OK
      context.complain(`${path} answers ${status}: ${body}`)
    } catch (error) {
      context.complain(error instanceof Error ? error.message : String(error))
    }
    return EXIT_FAILED
  })
}

/** Where a house that listens everywhere is reached from the same machine. */
function hereOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** One plain request. Not by `fetch`: that goes through the proxy which the environment may name, even to this machine. */
function ask(host: string, port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ host, port })
    const cancel = systemClock.after(ANSWER_MS_MAX, () =>
      socket.destroy(new Error(`No answer from ${host}:${port} within ${ANSWER_MS_MAX / 1000} s`)),
    )
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`))
    socket.on('data', (text: string) => {
      answer += text
      if (answer.length > ANSWER_CHARS_MAX) socket.destroy(new Error(`${host}:${port} is not a Gatehouse`))
    })
    socket.on('error', (error: Error & { code?: string }) => {
      reject(error.code === 'ECONNREFUSED' ? new Error(`Nobody listens at ${host}:${port}`) : error)
    })
    socket.on('close', () => {
      cancel()
      resolve(answer)
    })
  })
}

function answerIn(answer: string): { status: number; body: string } {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]
  if (status === undefined) throw new Error('What answers there does not speak HTTP')
  return { status: Number(status), body: answer.slice(answer.indexOf('\r\n\r\n') + 4).trim() }
}
