import { Elysia } from 'elysia'
import { CONSOLE_POLICY, loadConsoleAssets, withSimulator } from '../console/assets.ts'
import { must } from '../core/assert.ts'

const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Content-Security-Policy': CONSOLE_POLICY,
}

/** The console's files. The page itself is never kept by the browser: it names the files, which never change. */
export async function consoleRoutes(simulatorUrl: string | null): Promise<Elysia> {
  const assets = await loadConsoleAssets()
  const html = must(assets.get('/index.html'), 'the page of the console').body
  const shown = simulatorUrl === null ? html : withSimulator(html, simulatorUrl)
  const app = new Elysia({ name: 'console' })
  app.get(
    '/',
    () =>
      new Response(shown, {
        headers: { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' },
      }),
  )
  for (const [path, asset] of assets) {
    if (path === '/index.html') continue
    const cache = asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache'
    app.get(
      path,
      () =>
        new Response(asset.body, {
          headers: { ...HEADERS, 'Content-Type': asset.contentType, 'Cache-Control': cache },
        }),
    )
  }
  return app as unknown as Elysia
}
