/**
 * Message ids of the platform's look: `wamid.` and base64 of a few tagged fields, among them the customer's phone and
 * hex digits of its own. Ours begin with the time, so ids stay unique over restarts.
 */
export class WamidMaker {
  #counter: number
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
    this.#counter = Math.floor(random() * 0xf_ffff)
  }

  make(phone: string, nowMs: number): string {
    this.#counter = (this.#counter + 1) & 0xf_ffff
    const stamp = Math.floor(nowMs).toString(16).padStart(11, '0').slice(-11)
    const count = this.#counter.toString(16).padStart(5, '0')
    const chance = Math.floor(this.#random() * 0x1_0000)
      .toString(16)
      .padStart(4, '0')
    const own = `${stamp}${count}${chance}`.toUpperCase()
    const bytes = [
      0x1c,
      0x18,
      phone.length,
      ...ascii(phone),
      0x15,
      0x02,
      0x00,
      0x11,
      0x18,
      own.length,
      ...ascii(own),
      0x00,
    ]
    return `wamid.${Buffer.from(bytes).toString('base64')}`
  }
}

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0))
}

/** The phone inside one of our own ids, or undefined if the text is none. */
export function phoneOfWamid(wamid: string): string | undefined {
  if (!wamid.startsWith('wamid.')) return undefined
  const bytes = Buffer.from(wamid.slice(6), 'base64')
  const length = bytes[2] ?? 0
  if (bytes[0] !== 0x1c || bytes[1] !== 0x18 || bytes.length < 3 + length) return undefined
  const phone = bytes.subarray(3, 3 + length).toString('latin1')
  return /^\d{1,15}$/.test(phone) ? phone : undefined
}
