import { Db } from '../storage/database.ts'

/** The one row of the house, as readers beside the writer see it. */
export interface HouseRow {
  /** Changes when the folder is restored from a copy: offsets may then mean other events. */
  epoch: string
  /** The last event's offset. */
  head: number
  /** When the book last changed. */
  lastInputAtMs: number
}

/** Before the first commit there is none: all of it is 0 and empty then. */
export function houseRow(database: Db): HouseRow {
  return (
    database.one<HouseRow>(
      'SELECT epoch, event_offset AS head, last_input_at AS lastInputAtMs FROM house WHERE id = 1',
    ) ?? { epoch: '', head: 0, lastInputAtMs: 0 }
  )
}

/** How far records that nobody has open have come. */
export function houseProgress(path: string): { epoch: string; head: number; appliedSeq: number } {
  const database = new Db(path, { readonly: true, cacheKib: 256 })
  try {
    const row = database.one<{ epoch: string; head: number; appliedSeq: number }>(
      'SELECT epoch, event_offset AS head, applied_seq AS appliedSeq FROM house WHERE id = 1',
    )
    return row ?? { epoch: '', head: 0, appliedSeq: 0 }
  } finally {
    database.close()
  }
}
