/** A reading of a running gateway's metrics. */
export class Gauges {
  readonly #values: ReadonlyMap<string, number>

  private constructor(values: ReadonlyMap<string, number>) {
    this.#values = values
  }

  static async read(origin: string): Promise<Gauges> {
    const text = await (await fetch(`${origin}/metrics`)).text()
    const pairs = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line): [string, number] => {
        const at = line.lastIndexOf(' ')
        return [line.slice(0, at), Number(line.slice(at + 1))]
      })
    return new Gauges(new Map(pairs))
  }

  value(series: string): number {
    return this.#values.get(`gatehouse_${series}`) ?? 0
  }

  /** The upper bound, in seconds, of the bucket that this share of what came since an earlier reading lies in. */
  percentileSince(earlier: Gauges, histogram: string, share: number): number {
    const wanted = (this.value(`${histogram}_count`) - earlier.value(`${histogram}_count`)) * share
    const prefix = `gatehouse_${histogram}_bucket{le="`
    const bounds = [...this.#values.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length, -2))
    for (const bound of bounds) {
      const series = `${histogram}_bucket{le="${bound}"}`
      if (this.value(series) - earlier.value(series) >= wanted)
        return bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound)
    }
    return Number.POSITIVE_INFINITY
  }
}
