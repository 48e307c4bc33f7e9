import type { JsonObject } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { type FieldUpdate, frameOf } from './webhook-body.ts'

/** A change of another field than `messages` that is about one of the firm's numbers, with that number's frame. */
export function fieldUpdate(
  platform: Platform,
  number: SimulatedNumber,
  field: string,
  content: JsonObject,
): FieldUpdate {
  const value = { ...frameOf(number), ...content }
  return { kind: 'field', number, id: platform.makeEventId(), field, value, entryId: number.wabaId, timeS: null }
}
