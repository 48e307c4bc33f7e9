import type { ReplayAsk } from '../relay/replay.ts'

type Read = { readonly ok: true; readonly ask: ReplayAsk } | { readonly ok: false; readonly message: string }

/** What the options of `replay` ask for: `--quarantine`, or `--from N --to N`, with both ends in it. */
export function replayAsk(options: Readonly<Record<string, string | boolean | undefined>>): Read {
  const { quarantine, from, to } = options
  const isQuarantine = quarantine === true
  if (isQuarantine !== (from === undefined && to === undefined)) {
    return { ok: false, message: 'replay wants either --quarantine or both --from N and --to N' }
  }
  if (isQuarantine) return { ok: true, ask: { kind: 'quarantine' } }
  const first = sequence(from)
  const last = sequence(to)
  if (first === undefined || last === undefined) {
    return { ok: false, message: 'replay wants --from and --to, each a whole number from 1' }
  }
  if (first > last) return { ok: false, message: `replay wants --from not above --to: ${first} is above ${last}` }
  return { ok: true, ask: { kind: 'range', from: first, to: last } }
}

function sequence(option: string | boolean | undefined): number | undefined {
  if (typeof option !== 'string' || !/^[1-9]\d{0,15}$/.test(option)) return undefined
  const number = Number(option)
  return Number.isSafeInteger(number) ? number : undefined
}
