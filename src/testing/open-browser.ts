import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const CHROMIUM = Bun.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** How long one test of a page, or what is made ready for it, may take. */
export const BROWSER_MS_MAX = 30_000
export const isBrowserMissing = !existsSync(CHROMIUM)
/** Stands behind the name of what is skipped then. */
export const whySkipped = isBrowserMissing ? ` (skipped: no browser at ${CHROMIUM}; set CHROMIUM)` : ''

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** Tells what a page complains about: exceptions, broken policies and, unless they are `expected`, failed requests. */
export function watched(page: Page, complain: (text: string) => void, failures?: 'expected'): Page {
  page.setDefaultTimeout(8000)
  page.on('pageerror', (error) => complain(String(error)))
  page.on('console', (entry) => {
    const isFailure = entry.text().startsWith('Failed to load resource')
    if (entry.type() === 'error' && !(isFailure && failures === 'expected')) complain(entry.text())
  })
  return page
}
