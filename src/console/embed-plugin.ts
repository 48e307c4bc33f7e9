import type { BunPlugin } from 'bun'
import { bundleConsole } from './bundle.ts'

/** Bundles the console and answers the plugin that puts it into a binary, in place of `embedded.ts`. */
export async function consoleEmbedPlugin(): Promise<BunPlugin> {
  const assets = await bundleConsole()
  return {
    name: 'embed-console',
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/]console[\\/]embedded\.ts$/ }, () => ({
        contents: `export const embeddedConsole = ${JSON.stringify(assets)}`,
        loader: 'js',
      }))
    },
  }
}
