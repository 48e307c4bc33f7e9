/**
 * What sealing costs of complete ingest: the same messages through the journal and the book, once as it is and once
 * with a seal that does nothing, in processes of their own that take turns.
 *
 *   bun scripts/bench/sealing.ts --messages 40000 --rounds 5 --people 200000
 *
 * Of 200,000 people every third message is somebody's first, which makes a key and seals a profile; of 2,000 nearly none.
 */
import { readFileSync, rmSync } from 'node:fs'
import { plugin } from 'bun'
import { optionsOf } from './options.ts'
import type { Figures } from './sealing-run.ts'

const MODES = ['sealed', 'clear'] as const
type Mode = (typeof MODES)[number]

const MODULE = /src\/vault\/sealing\.ts$/
/** In the place of all four: what goes in comes out. Chains are bound to the last bytes, whatever they are. */
const CLEAR = `
export function seal(_key: Uint8Array, _place: string, content: Uint8Array): Uint8Array { return content.slice() }
export function unseal(_key: Uint8Array, _place: string, sealed: Uint8Array): Uint8Array { return sealed }
export function sealText(_key: Uint8Array, _place: string, text: string): Uint8Array { return encoder.encode(text) }
export function unsealText(_key: Uint8Array, _place: string, sealed: Uint8Array): string { return decoder.decode(sealed) }`
const REPLACED = /export function (seal|unseal|sealText|unsealText)\(/g

/** No switch of the product: the module is another one before anything loads it. */
function withoutSealing(): void {
  plugin({
    name: 'no-sealing',
    setup(build) {
      build.onLoad({ filter: MODULE }, ({ path }) => {
        const source = readFileSync(path, 'utf8').replace(REPLACED, 'function $1InFact(')
        return { contents: source + CLEAR, loader: 'ts' }
      })
    },
  })
}

interface Plan {
  folder: string
  messages: number
  people: number
}

async function child(mode: Mode, { folder, messages, people }: Plan): Promise<void> {
  if (mode === 'clear') withoutSealing()
  const { takeIn } = await import('./sealing-run.ts')
  console.log(JSON.stringify(await takeIn(folder, messages, people)))
}

function run(mode: Mode, plan: Plan): Figures {
  const words = [
    import.meta.path,
    '--mode',
    mode,
    ...Object.entries(plan).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ]
  const done = Bun.spawnSync([process.execPath, ...words], { stderr: 'inherit' })
  if (!done.success) throw new Error(`The run ended with ${done.exitCode}`)
  return JSON.parse(done.stdout.toString()) as Figures
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

function compare(plan: Plan, rounds: number): void {
  const all: Record<Mode, Figures[]> = { sealed: [], clear: [] }
  for (let round = 0; round < rounds; round++) {
    // Turns change places, so that nobody always comes first.
    for (const mode of round % 2 === 0 ? MODES : MODES.toReversed()) all[mode].push(run(mode, plan))
  }
  rmSync(plan.folder, { recursive: true, force: true })
  const counted = plan.messages * 0.9
  const per = (mode: Mode, of: (figures: Figures) => number) => (1000 * median(all[mode].map(of))) / counted
  const rows = [
    ['journal', (figures: Figures) => figures.journalMs],
    ['book', (figures: Figures) => figures.bookMs],
    ['complete', (figures: Figures) => figures.journalMs + figures.bookMs],
    ['processor', (figures: Figures) => figures.cpuMs],
  ] as const
  for (const [name, of] of rows) {
    const [sealed, clear] = [per('sealed', of), per('clear', of)]
    const share = (100 * (sealed - clear)) / sealed
    console.log(
      `${name.padEnd(9)} sealed ${sealed.toFixed(1)} µs, clear ${clear.toFixed(1)} µs a message: sealing is ${share.toFixed(1)} %`,
    )
  }
}

const options = optionsOf(process.argv.slice(2), {
  messages: '40000',
  people: '200000',
  rounds: '5',
  folder: '/var/tmp/gatehouse-sealing',
  mode: 'compare',
})
const plan = { folder: options.folder, messages: Number(options.messages), people: Number(options.people) }
if (options.mode === 'compare') compare(plan, Number(options.rounds))
else await child(options.mode as Mode, plan)
