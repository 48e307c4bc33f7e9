/** What `replay` takes in: the quarantine, or a stretch of the journal with both ends in it. */
export type ReplayRange = { readonly kind: 'quarantine' } | { readonly kind: 'journal'; from: number; to: number }

type Read = { readonly ok: true; readonly range: ReplayRange } | { readonly ok: false; readonly message: string }

/** The range that the options of `replay` say: `--quarantine`, or `--from N --to N`. */
export function replayRange(options: Readonly<Record<string, string | boolean | undefined>>): Read {
  const { quarantine, from, to } = options
  const isQuarantine = quarantine === true
  if (isQuarantine !== (from === undefined && to === undefined)) {
    return { ok: false, message: 'replay wants either --quarantine or both --from N and --to N' }
  }
  if (isQuarantine) return { ok: true, range: { kind: 'quarantine' } }
  const first = sequence(from)
  const last = sequence(to)
  if (first === undefined || last === undefined) {
    return { ok: false, message: 'replay wants --from and --to, each a whole number from 1' }
  }
  if (first > last) return { ok: false, message: `replay wants --from not above --to: ${first} is above ${last}` }
  return { ok: true, range: { kind: 'journal', from: first, to: last } }
}

function sequence(option: string | boolean | undefined): number | undefined {
  if (typeof option !== 'string' || !/^[1-9]\d{0,15}$/.test(option)) return undefined
  const number = Number(option)
  return Number.isSafeInteger(number) ? number : undefined
}
