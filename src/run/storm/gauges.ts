/** A reading of a running house's metrics. */
export class Gauges {
  readonly #values: ReadonlyMap<string, number>

  constructor(text: string) {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    this.#values = new Map(
      lines.map((line): [string, number] => {
        const at = line.lastIndexOf(' ')
        return [line.slice(0, at), Number(line.slice(at + 1))]
      }),
    )
  }

  /** `key`: an API key, where the house answers only to one. */
  static async read(origin: string, key?: string): Promise<Gauges> {
    const response = await fetch(`${origin}/metrics`, {
      headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    })
    return new Gauges(await response.text())
  }

  value(name: string): number {
    return this.#values.get(`gatehouse_${name}`) ?? 0
  }

  /** All values of a metric, whatever its labels. */
  all(name: string): number[] {
    const prefix = `gatehouse_${name}`
    return [...this.#values].filter(([key]) => key === prefix || key.startsWith(`${prefix}{`)).map(([, value]) => value)
  }

  sum(name: string): number {
    return this.all(name).reduce((sum, value) => sum + value, 0)
  }

  /** The upper bound, in seconds, of the bucket that this share of what came since an earlier reading lies in. */
  percentileSince(earlier: Gauges, histogram: string, share: number): number {
    const wanted = (this.value(`${histogram}_count`) - earlier.value(`${histogram}_count`)) * share
    const prefix = `gatehouse_${histogram}_bucket{le="`
    let last = 0
    for (const [key, count] of this.#values) {
      if (!key.startsWith(prefix)) continue
      const bound = key.slice(prefix.length, -2)
      // Beyond the last bound nothing is known but that it is more.
      if (bound === '+Inf') return last
      last = Number(bound)
      if (count - earlier.value(key.slice('gatehouse_'.length)) >= wanted) return last
    }
    return last
  }
}
