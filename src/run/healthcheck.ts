import { type CommandContext, EXIT_FAILED, EXIT_OK, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { hereOf } from '../core/listening.ts'

/** Whoever asks repeats it in a few seconds; a house that is this slow is not well. */
const ANSWER_MS_MAX = 3_000

/** Asks the house at the configured address whether it takes webhooks; with `--live` only whether it lives. */
export function healthcheckCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async ({ http }) => {
    const path = context.options['live'] === true ? '/healthz' : '/readyz'
    if (http.port === 0) {
      context.complain('http.port is 0: nobody knows where the house listens')
      return EXIT_FAILED
    }
    const address = `${hereOf(http.host)}:${http.port}`
    try {
      const response = await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
      if (response.ok) return EXIT_OK
      context.complain(`${path} answers ${response.status}: ${await response.text()}`)
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      context.complain(code === 'ECONNREFUSED' ? `Nobody listens at ${address}` : `${address}: ${message}`)
    }
    return EXIT_FAILED
  })
}
