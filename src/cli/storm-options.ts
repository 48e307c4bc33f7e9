import type { Options } from './commands.ts'

export interface StormOptions {
  json: boolean
  folder: string | undefined
  sockets: number
  warmUpMs: number
  measureMs: number
  /** Exactly these loads; undefined: rising until it breaks. */
  loads: readonly number[] | undefined
  first: number
  last: number
  /** Steps between the last load that held and the first that broke. */
  finer: number
}

const SOCKETS = 10
const LOAD_MAX = 20_000
const LOADS_COUNT_MAX = 50
const SOCKETS_MAX = 5_000
const SECONDS_MAX = 600

/** The options of a storm, or what is wrong with them. */
export function stormOptions(options: Options): StormOptions | string {
  const isQuick = options['quick'] === true
  const seconds = wholeNumber(options['seconds'], SECONDS_MAX) ?? (isQuick ? 5 : 12)
  const sockets = wholeNumber(options['sockets'], SOCKETS_MAX) ?? SOCKETS
  const last = wholeNumber(options['last'], LOAD_MAX) ?? LOAD_MAX
  const loads = loadsOf(options['loads'])
  if (Number.isNaN(seconds)) return `storm wants --seconds from 1 to ${SECONDS_MAX}`
  if (Number.isNaN(sockets)) return `storm wants --sockets from 1 to ${SOCKETS_MAX}`
  if (Number.isNaN(last)) return `storm wants --last from 1 to ${LOAD_MAX}`
  if (loads === null) return `storm wants --loads as rising whole numbers, such as 100,200,400, each up to ${LOAD_MAX}`
  return {
    json: options['json'] === true,
    folder: typeof options['folder'] === 'string' ? options['folder'] : undefined,
    sockets,
    warmUpMs: Math.min(3, seconds / 3) * 1000,
    measureMs: seconds * 1000,
    loads,
    first: Math.min(100, last),
    last,
    finer: isQuick ? 1 : 3,
  }
}

/** Undefined where it is absent, NaN where it is not what it must be. */
function wholeNumber(value: string | boolean | undefined, most: number): number | undefined {
  if (typeof value !== 'string') return undefined
  const number = /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN
  return number >= 1 && number <= most ? number : Number.NaN
}

function loadsOf(value: string | boolean | undefined): number[] | undefined | null {
  if (typeof value !== 'string') return undefined
  const loads = value.split(',').map((text) => wholeNumber(text, LOAD_MAX) ?? Number.NaN)
  const isRising = loads.every((load, index) => index === 0 || load > (loads[index - 1] ?? 0))
  return isRising && loads.length <= LOADS_COUNT_MAX && !loads.some(Number.isNaN) ? loads : null
}
