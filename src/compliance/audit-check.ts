import { AUDIT_KEY, type AuditRow, chainHash, detailHash, headMac, isSame } from '../records/audit-chain.ts'
import type { AuditReader, AuditRoot, KeptHead } from '../records/audit-reader.ts'
import type { Vault } from '../vault/vault.ts'

/** Rows that are looked at in one go: about a millisecond. */
const SLICE_ROWS = 200

/** What is wrong with the chain, and where first. */
export interface AuditFault {
  seq: number
  kind: 'altered' | 'missing' | 'inserted' | 'truncated' | 'root' | 'head'
  what: string
}

export interface AuditChecked {
  ok: boolean
  /** Rows that were looked at. */
  rows: number
  /** Where the chain ends. */
  head: { seq: number; hash: string }
  /** Roots that were compared. */
  roots: number
  fault: AuditFault | null
}

export interface AuditCheckAsk {
  reader: AuditReader
  vault: Vault
  /** Roots that were kept, here or elsewhere. */
  roots: readonly AuditRoot[]
  /** Only so many of the newest rows; absent: all. */
  newest?: number
  /** Lets others have their turn. */
  giveWay: () => Promise<void>
}

/** Walks the chain in its order and stops at the first row that is not what it was. */
export async function checkAudit(ask: AuditCheckAsk): Promise<AuditChecked> {
  const key = ask.vault.findNamedKey(AUDIT_KEY)
  const { kept, lastSeq } = ask.reader.ends()
  const walk = new Walk(ask)
  const done = (fault: AuditFault | null): AuditChecked => ({
    ok: fault === null,
    rows: walk.rows,
    head: { seq: kept?.seq ?? lastSeq, hash: kept?.hash.toHex() ?? '' },
    roots: walk.roots,
    fault,
  })
  if (!key) {
    return done(lastSeq === 0 ? null : { seq: 1, kind: 'head', what: 'The key of the audit is not in the vault' })
  }
  const fault = (await walk.until(key, kept, lastSeq)) ?? faultOfEnd(key, kept, lastSeq) ?? walk.faultOfRoots(lastSeq)
  return done(fault)
}

class Walk {
  rows = 0
  roots = 0
  readonly #ask: AuditCheckAsk
  readonly #hashOf: ReadonlyMap<number, string>
  #before: Uint8Array = new Uint8Array()

  constructor(ask: AuditCheckAsk) {
    this.#ask = ask
    this.#hashOf = new Map(ask.roots.map(({ seq, hash }) => [seq, hash]))
  }

  /** The first fault among the rows there were at the start. */
  async until(key: Uint8Array, kept: KeptHead | undefined, lastSeq: number): Promise<AuditFault | null> {
    let after = this.#start(lastSeq)
    while (after < lastSeq) {
      const rows = this.#ask.reader.rowsAfter(after, SLICE_ROWS).filter(({ seq }) => seq <= lastSeq)
      for (const row of rows) {
        const fault = this.#faultOf(key, row, after + 1)
        if (fault) return fault
        if (row.seq === kept?.seq && !isSame(kept.hash, row.hash)) {
          return { seq: row.seq, kind: 'altered', what: 'What vouches for the last row tells another hash' }
        }
        after = row.seq
      }
      if (rows.length === 0) return missing(after + 1)
      await this.#ask.giveWay()
    }
    return null
  }

  /** A root of a row that is not there any more. */
  faultOfRoots(lastSeq: number): AuditFault | null {
    const beyond = [...this.#hashOf.keys()].filter((seq) => seq > lastSeq)
    if (beyond.length === 0) return null
    return { seq: lastSeq + 1, kind: 'truncated', what: `A root tells of row ${Math.max(...beyond)}` }
  }

  /** Behind which row it begins; a row before the first is one too many. */
  #start(lastSeq: number): number {
    const { reader, newest } = this.#ask
    if (newest === undefined || newest >= lastSeq) {
      const [first] = reader.rowsAfter(Number.MIN_SAFE_INTEGER, 1)
      return first && first.seq < 1 ? first.seq - 1 : 0
    }
    const start = lastSeq - newest
    const [before] = reader.rowsAfter(start - 1, 1)
    if (before?.seq === start) this.#before = before.hash
    return start
  }

  #faultOf(key: Uint8Array, row: AuditRow, expected: number): AuditFault | null {
    if (row.seq < 1) return { seq: row.seq, kind: 'inserted', what: 'A row stands before the first' }
    if (row.seq !== expected) return missing(expected)
    this.rows += 1
    if (!isSame(chainHash(key, this.#before, row), row.hash)) {
      return { seq: row.seq, kind: 'altered', what: 'Its hash does not fit it and the row before' }
    }
    if (!this.#isDetailWhole(row))
      return { seq: row.seq, kind: 'altered', what: 'Its sealed detail is not what it was' }
    const root = this.#hashOf.get(row.seq)
    if (root !== undefined) {
      this.roots += 1
      if (root !== row.hash.toHex()) {
        return {
          seq: row.seq,
          kind: 'root',
          what: 'The root that was kept tells another hash: rows up to here were made anew',
        }
      }
    }
    this.#before = row.hash
    return null
  }

  /** A detail is gone only where the key that sealed it is destroyed. */
  #isDetailWhole({ detail, detail_hash: hash, detail_person: person }: AuditRow): boolean {
    if (hash === null) return detail === null && person === null
    if (detail === null || person === null) return false
    if (detail.length === 0) return person !== 0 && this.#ask.vault.personKey(person) === undefined
    return isSame(detailHash(detail), hash)
  }
}

function missing(seq: number): AuditFault {
  return { seq, kind: 'missing', what: 'The row is not there' }
}

function faultOfEnd(key: Uint8Array, kept: KeptHead | undefined, lastSeq: number): AuditFault | null {
  if (kept?.seq === 0 && kept.mac.length === 0 && lastSeq === 0) return null
  if (!kept || !isSame(headMac(key, kept), kept.mac)) {
    return { seq: lastSeq, kind: 'head', what: 'What vouches for the last row is not what the house wrote' }
  }
  if (lastSeq < kept.seq) {
    return { seq: lastSeq + 1, kind: 'truncated', what: `The rows up to ${kept.seq} are not there` }
  }
  if (lastSeq > kept.seq) return { seq: kept.seq + 1, kind: 'inserted', what: 'The house has not written this row' }
  return null
}
