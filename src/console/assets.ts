import { bundleConsole, type ConsoleAsset } from './bundle.ts'
import { embeddedConsole } from './embedded.ts'

/** What the page may load and do. Nothing inline, nothing from elsewhere. `connect-src` covers the socket too. */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Pictures, sound and films come as blobs: they are fetched with the key, which may not stand in an address.
  "img-src 'self' data: blob:",
  'media-src blob:',
  "connect-src 'self'",
  "font-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "object-src 'none'",
  // Nothing in the page makes elements out of text.
  "require-trusted-types-for 'script'",
].join('; ')

/** The console's files by path, `/index.html` among them: those in the binary, or bundled now when run from source. */
export async function loadConsoleAssets(): Promise<Map<string, ConsoleAsset>> {
  return new Map(Object.entries(embeddedConsole ?? (await bundleConsole())))
}

/** The page in demo mode, which knows where the customer's phone is. */
export function withSimulator(html: string, address: string): string {
  const escaped = address.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
  return html.replace('</head>', () => `<meta name="gatehouse-simulator" content="${escaped}"></head>`)
}
