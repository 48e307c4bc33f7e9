import type { ConsoleAsset } from './bundle.ts'

/** The bundled console. Null from source; the binary's build puts the files here (`embed-plugin.ts`). */
export const embeddedConsole: Record<string, ConsoleAsset> | null = null
