import { proxyUrl } from './kinds.ts'
import type { ConfigProblem } from './problem.ts'
import type { SCHEMA } from './schema.ts'
import { SECRET_SHOWN, type Secret } from './secret.ts'
import type { ValuesOf } from './shape.ts'

type Settings = ValuesOf<typeof SCHEMA>

/** What a number says that is not to use any proxy. */
export const NO_PROXY = 'none'

/** Proxies are secrets, since their password stands in their address: their form is checked once they were fetched. */
export function checkProxies({ proxy, whatsapp }: Settings, fileName: string): ConfigProblem[] {
  const problem = (key: string, wanted: string) => ({ source: fileName, key, found: SECRET_SHOWN, wanted })
  const found = isWrong(proxy.url, false) ? [problem('proxy.url', proxyUrl.wanted)] : []
  for (const [index, number] of whatsapp.number.entries()) {
    if (!isWrong(number.proxy, true)) continue
    found.push(problem(`whatsapp.number[${index}].proxy`, `${proxyUrl.wanted}, or "${NO_PROXY}"`))
  }
  return found
}

function isWrong(secret: Secret | undefined, mayBeNone: boolean): boolean {
  if (secret === undefined || (mayBeNone && secret.reveal() === NO_PROXY)) return false
  return proxyUrl.fromText(secret.reveal()) === undefined
}
