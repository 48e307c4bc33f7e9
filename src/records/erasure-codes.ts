import { Codes } from './codes.ts'

/**
 * `begun`: asked for, everything is still there. `rows`: the keys are destroyed, nothing opens any more, rows are taken
 * out. `journal`: only what the outside sent is left. `done`: with its report.
 */
export type ErasureState = 'begun' | 'rows' | 'journal' | 'done'
export const ERASURE_STATE = new Codes<ErasureState>({ begun: 0, rows: 1, journal: 2, done: 3 })
