import { join } from 'node:path'

/** One file of the console as it is served. `immutable`: its name changes with its content. */
export interface ConsoleAsset {
  body: string
  contentType: string
  immutable: boolean
}

/**
 * Bundles the console from its source, in memory. The names are the paths they are served at: `/index.html` and, with
 * a hash in the name, `/assets/…`. Everything is text.
 */
export async function bundleConsole(): Promise<Record<string, ConsoleAsset>> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, 'index.html')],
    target: 'browser',
    minify: true,
    // What is imported as it is needed, the settings, is a file of its own.
    splitting: true,
    publicPath: '/',
    define: { 'process.env.NODE_ENV': '"production"' },
    naming: {
      entry: '[name].[ext]',
      chunk: 'assets/[name]-[hash].[ext]',
      asset: 'assets/[name]-[hash].[ext]',
    },
  })
  const assets: Record<string, ConsoleAsset> = {}
  for (const output of built.outputs) {
    const path = output.path.replace(/^\.?\/?/, '/')
    const contentType = path.endsWith('.svg') ? 'image/svg+xml' : output.type
    assets[path] = { body: await output.text(), contentType, immutable: path.startsWith('/assets/') }
  }
  return assets
}
