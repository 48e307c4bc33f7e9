/** What is looked for, and what stands in its place. The order matters: an address may hold digits. */
const PERSONAL = [
  { kind: 'e-mail', pattern: /[^\s@"'<>,;:(){}[\]/\\=]+@[^\s@"'<>,;:(){}[\]/\\=]+\.[a-z]{2,}/gi },
  { kind: 'platform id', pattern: /wamid\.[A-Za-z0-9+/=_-]*|\b[A-Z]{2}\.\d{5,}/gi },
  { kind: 'secret', pattern: /\bEA[A-Za-z0-9]{20,}|\bgh_[A-Za-z0-9_-]{8,}|\bBearer\s+\S+/g },
  // A person's folder is called as the person.
  { kind: 'folder', pattern: /(?<=\/(?:home|Users)\/)[^/\s"(]+/g },
  // Nine digits and more, with what people write between them; also after a plus sign from seven on.
  {
    kind: 'number',
    pattern: /\+\d(?:[\s().\-/]{0,3}\d){6,}|(?<![A-Za-z0-9_])\d(?:[\s().\-/]{0,2}\d){8,}(?![A-Za-z0-9_])/g,
  },
] as const

export type PersonalKind = (typeof PERSONAL)[number]['kind'] | 'text' | 'host'

/** Whatever is written by people rather than by the program: our own words are plain ASCII. */
const FOREIGN = /[^\x20-\x7e\n\t]/
/** Numbers beyond this are no figures of a log line, and could be a phone. */
const NUMBER_MAX = 1e9

/**
 * Takes out of texts what could be about a person. What goes into a bundle is made of words and figures of the program, so
 * mostly nothing is found; this is for what nobody thought of. The same thing has the same stand-in everywhere.
 */
export class Scanner {
  readonly #standIns = new Map<string, string>()
  readonly #removed = new Map<PersonalKind, number>()

  /** How often something of a kind was taken out. */
  removed(): Record<string, number> {
    return Object.fromEntries(this.#removed)
  }

  text(text: string): string {
    if (FOREIGN.test(text)) return this.#standIn('text', text)
    return PERSONAL.reduce(
      (cleaned, { kind, pattern }) => cleaned.replace(pattern, (found) => this.#standIn(kind, found)),
      text,
    )
  }

  /** Of anything that JSON can hold: its texts and names. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((one) => this.value(one))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [this.text(name), this.value(one)]))
  }

  /** Of a line of the log; one that is not JSON is none of ours. */
  line(line: string): string {
    try {
      const fields = Object.entries(JSON.parse(line) as Record<string, unknown>)
      const small = fields.filter(([, value]) => typeof value !== 'number' || Math.abs(value) < NUMBER_MAX)
      for (let left = fields.length - small.length; left > 0; left--) this.#count('number')
      // A host stands in a line where an outsider has named it.
      const told = small.map(([name, value]) => [name, name === 'host' ? this.#standIn('host', String(value)) : value])
      return JSON.stringify(this.value(Object.fromEntries(told)))
    } catch {
      return this.#standIn('text', line)
    }
  }

  /** Of the text of /metrics: the labels' values. The figures are figures. */
  metrics(text: string): string {
    const lines = text.split('\n').map((line) => {
      if (line.startsWith('#')) return this.text(line)
      return line.replace(/"((?:[^"\\]|\\.)*)"/g, (_, inside: string) => JSON.stringify(this.text(inside)))
    })
    return lines.join('\n')
  }

  #standIn(kind: PersonalKind, found: string): string {
    this.#count(kind)
    const key = `${kind} ${found}`
    const known = this.#standIns.get(key) ?? `(${kind} ${this.#standIns.size + 1} removed)`
    this.#standIns.set(key, known)
    return known
  }

  #count(kind: PersonalKind): void {
    this.#removed.set(kind, (this.#removed.get(kind) ?? 0) + 1)
  }
}
