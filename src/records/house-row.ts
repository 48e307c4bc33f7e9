import type { Db } from '../storage/database.ts'

/** The one row of the house, as readers beside the writer see it. */
export interface HouseRow {
  /** Changes when the folder is restored from a copy: offsets may then mean other events. */
  epoch: string
  /** The last event's offset. */
  head: number
  /** When the book last changed. */
  lastInputAtMs: number
}

export function houseRow(database: Db): HouseRow {
  return (
    database.one<HouseRow>(
      'SELECT epoch, event_offset AS head, last_input_at AS lastInputAtMs FROM house WHERE id = 1',
    ) ?? { epoch: '', head: 0, lastInputAtMs: 0 }
  )
}
