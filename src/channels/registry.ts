import type { Channel } from './channel.ts'
import { whatsapp } from './whatsapp/whatsapp.ts'

/** Every channel the house speaks. A new one is added here and passes `channel-suite.ts`. */
export const CHANNELS: readonly Channel[] = [whatsapp]

export function channelNamed(name: string): Channel | undefined {
  return CHANNELS.find((channel) => channel.name === name)
}
