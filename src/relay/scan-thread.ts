import { DayFile } from '../journal/day-file.ts'
import { namesOf, type Path, redactBody, type Subject } from '../records/redaction.ts'
import { serveThread } from '../storage/serve-thread.ts'

/** Entries and bytes that one answer is about: some ten milliseconds of work. */
const ENTRIES_MAX = 200
const BYTES_MAX = 2 * 1024 * 1024

export interface OpenScan {
  folder: string
  subject: Subject
  blindKey: Uint8Array
}

/** The next entries of a day after a sequence, up to the last that may be changed. */
export interface ScanAsk {
  day: string
  key: Uint8Array
  after: number
  upto: number
  /** What came in later is of somebody new. */
  untilMs: number
}

export interface Finding {
  seq: number
  tag: Uint8Array
  timesCut: number
  /** What is left of the body. */
  body: Uint8Array
  cuts: Path[]
}

/** `last`: how far it was looked; null at the end of the day. */
export interface Scanned {
  last: number | null
  findings: Finding[]
}

let open: OpenScan | undefined
let names: ReturnType<typeof namesOf> | undefined

/** Looks through the journal for what names somebody, beside everything else: nobody waits for it. */
function scan({ day, key, after, upto, untilMs }: ScanAsk): Scanned {
  if (!open || !names) throw new Error('The scan is not open')
  const file = new DayFile({ folder: open.folder, day, key, readonly: true })
  try {
    const entries = file.read(after, ENTRIES_MAX, BYTES_MAX).filter(({ seq }) => seq <= upto)
    const findings: Finding[] = []
    for (const { seq, atMs, body, timesCut } of entries) {
      const redacted = body.length === 0 || atMs > untilMs ? undefined : redactBody(body, names)
      const tag = redacted && file.tagOf(seq)
      if (redacted && tag) findings.push({ seq, tag, timesCut: timesCut ?? 0, ...redacted })
    }
    return { last: entries.at(-1)?.seq ?? null, findings }
  } finally {
    file.close()
  }
}

const answers = {
  open(ask: OpenScan): void {
    open = ask
    names = namesOf(ask.subject, ask.blindKey)
  },
  scan,
  close() {},
}

export type ScanAnswers = typeof answers

serveThread({ answers })
