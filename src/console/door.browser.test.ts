import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { DOOR } from './fake-door.test-support.ts'
import { type FakeServer, startFakeServer } from './fake-server.test-support.ts'

const CHROMIUM = Bun.env['CHROMIUM'] ?? '/usr/bin/chromium'
const isMissing = !existsSync(CHROMIUM)
const why = isMissing ? ` (skipped: no browser at ${CHROMIUM}; set CHROMIUM)` : ''
const TEST_MS_MAX = 30_000

describe.skipIf(isMissing)(`the console's door in a browser${why}`, () => {
  let browser: Browser
  let server: FakeServer
  let page: Page

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  }, TEST_MS_MAX)
  afterAll(async () => await browser?.close())
  beforeEach(async () => {
    server = await startFakeServer()
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    page.setDefaultTimeout(8000)
  }, TEST_MS_MAX)
  afterEach(async () => {
    await page.close()
    await server.stop()
  })

  async function enter(password: string): Promise<void> {
    await page.getByLabel('E-mail').fill(DOOR.email)
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
  }

  test(
    'lets somebody in with password and code, keeps nothing that a script could read, and lets them out',
    async () => {
      await page.goto(server.url)
      await enter('wrong')
      await page.getByText('The e-mail address or the password is wrong.').waitFor()
      await enter(DOOR.password)
      await page.getByLabel('Code of your app').fill('000000')
      await page.keyboard.press('Enter')
      await page.getByText('This code is wrong').waitFor()
      await page.getByLabel('Code of your app').fill(DOOR.code)
      await page.keyboard.press('Enter')
      await page.getByText('Live', { exact: true }).waitFor()
      expect(
        await page.evaluate('document.cookie + JSON.stringify({ ...sessionStorage, ...localStorage })'),
      ).not.toContain('of-the-fake')
      await page.reload()
      await page.getByText('Live', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('E-mail').waitFor()
      await page.reload()
      await page.getByLabel('E-mail').waitFor()
    },
    TEST_MS_MAX,
  )

  test(
    'opens a link, whose token does not stay in the address',
    async () => {
      await page.goto(`${server.url}/#link=${DOOR.link}`)
      await page.getByLabel('New password').fill('short')
      expect(page.url()).not.toContain(DOOR.link)
      await page.keyboard.press('Enter')
      await page.getByText('12 to 200 characters').waitFor()
      await page.getByLabel('New password').fill(DOOR.password)
      await page.keyboard.press('Enter')
      await page.getByText('Your password is set. Sign in now.').waitFor()
    },
    TEST_MS_MAX,
  )

  test(
    'says that a link does not open',
    async () => {
      await page.goto(`${server.url}/#link=another`)
      await page.getByText('This link was used already.').waitFor()
      await page.getByRole('button', { name: 'To the door' }).click()
      await page.getByLabel('E-mail').waitFor()
    },
    TEST_MS_MAX,
  )
})
