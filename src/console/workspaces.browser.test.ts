import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { hire } from '../testing/sign-in-requests.ts'
import { FAST_NUMBER, outletText, sign, TEST_SECRETS, TestGateway } from '../testing/test-gateway.ts'

setDefaultTimeout(BROWSER_MS_MAX)

/** A picture of one pixel, which nothing but its kind is looked at of. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const MAIN = { app: 'main', secret: TEST_SECRETS.appSecret, number: FAST_NUMBER, waba: '102290129340398', who: 'Mara' }
const OTHER = {
  app: 'outlet',
  secret: 'the-app-secret-of-outlet',
  number: '207000000000001',
  waba: '208000000000001',
  who: 'Otto',
}

describe.skipIf(isBrowserMissing)(`the console in several workspaces, before a real house${whySkipped}`, () => {
  let browser: Browser
  let house: TestGateway
  let context: BrowserContext
  let page: Page
  /** Requests of the page without the workspace that it is in, and what it complained about. */
  let complaints: string[]
  let who: { id: string; email: string; password: string }
  let messages = 0

  beforeAll(async () => {
    house = await TestGateway.open({ config: outletText(TEST_SECRETS.accessToken) })
    browser = await openBrowser()
    for (const side of [MAIN, OTHER]) {
      await write(side, { type: 'text', text: { body: `first words of ${side.who}` } })
      const init = { method: 'POST', body: PIXEL, headers: { 'Content-Type': 'image/png' } }
      const { id } = (await (await fetch(`${house.simulatorUrl}/_/media`, init)).json()) as { id: string }
      await write(side, { type: 'image', image: { id, mime_type: 'image/png', sha256: '', caption: `of ${side.who}` } })
    }
  })
  afterAll(async () => {
    await browser?.close()
    await house?.close()
  })
  beforeEach(async () => {
    who = await hire(house, 'admin')
    complaints = []
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    page = watched(await context.newPage(), (text) => complaints.push(text), 'expected')
    page.on('request', (request) => {
      const asked = new URL(page.url()).searchParams.get('workspace')
      const said = request.headers()['gatehouse-workspace']
      if (new URL(request.url()).pathname.startsWith('/api/v1/') && asked !== null && said !== asked)
        complaints.push(`${request.url()} in ${said}, not ${asked}`)
    })
  })
  afterEach(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })

  async function write(to: typeof MAIN, message: object): Promise<void> {
    const metadata = { phone_number_id: to.number, display_phone_number: '15550000000' }
    const from = '491711111111'
    const contacts = [{ wa_id: from, profile: { name: `${to.who} Customer` } }]
    const timestamp = String(Math.floor(Date.now() / 1000))
    const messagesIn = [{ from, timestamp, id: `wamid.${to.app}.${++messages}`, ...message }]
    const value = { messaging_product: 'whatsapp', metadata, contacts, messages: messagesIn }
    const entry = [{ id: to.waba, time: 1795338600, changes: [{ field: 'messages', value }] }]
    const body = JSON.stringify({ object: 'whatsapp_business_account', entry })
    expect((await house.webhook(body, { app: to.app, signature: sign(body, to.secret) })).status).toBe(200)
  }

  const inOutlet = (method: string, path: string, body: object = {}) =>
    house.request(path, {
      method,
      headers: { Authorization: `Bearer ${house.key}`, 'Gatehouse-Workspace': 'outlet' },
      body: JSON.stringify(body),
    })

  async function worksInOutletToo(): Promise<void> {
    const answer = await inOutlet('POST', '/api/v1/people', { name: 'The same', email: who.email, role: 'admin' })
    expect(answer.status).toBe(201)
  }

  async function signIn(): Promise<void> {
    await page.goto(house.url)
    await page.getByLabel('E-mail').fill(who.email)
    await page.getByLabel('Password').fill(who.password)
    await page.keyboard.press('Enter')
    await live()
  }

  const live = () => page.getByText('Live', { exact: true }).waitFor()
  const menu = () => page.getByRole('button', { name: /^Workspace: / })
  const row = (of: typeof MAIN) => page.getByRole('option').filter({ hasText: `${of.who} Customer` })

  /** The picture is here: its bytes came, and they are a picture. */
  async function seePictureOf(side: typeof MAIN): Promise<void> {
    await row(side).click()
    await page.getByText(`of ${side.who}`, { exact: true }).first().waitFor()
    await page.locator('.thread img').first().waitFor()
    await page.evaluate(`document.querySelector('.thread img').decode()`)
  }

  test('whoever works in two sees one at a time, by the keyboard, over a reload, with what they were writing', async () => {
    await worksInOutletToo()
    await signIn()
    expect(page.url()).toBe(`${house.url}/?workspace=main`)
    await seePictureOf(MAIN)
    expect(await row(OTHER).count()).toBe(0)
    await page.getByRole('textbox', { name: /reply|message/i }).fill('half an answer to Mara')

    await menu().focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    // Escape closed the menu, and nothing else.
    await page.getByRole('link', { name: 'outlet', exact: true }).waitFor({ state: 'hidden' })
    expect(page.url()).toContain('#/c/')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Workspace: outlet' }).waitFor()
    await live()
    expect(page.url()).toMatch(/\/\?workspace=outlet#\/$/)
    await seePictureOf(OTHER)
    expect(await row(MAIN).count()).toBe(0)
    await write(OTHER, { type: 'text', text: { body: 'live in the outlet' } })
    await page.getByRole('main').getByText('live in the outlet').first().waitFor()
    await write(MAIN, { type: 'text', text: { body: 'not for the outlet' } })

    await page.reload()
    await live()
    await page.getByText('live in the outlet').first().waitFor()
    expect(await page.content()).not.toMatch(/Mara|not for the outlet/)
    await page.getByRole('button', { name: /Search/ }).click()
    await page.getByRole('dialog').getByRole('searchbox').fill('words')
    await page.getByRole('dialog').getByText('of Otto').first().waitFor()
    expect(await page.getByRole('dialog').textContent()).not.toContain('Mara')
    await page.keyboard.press('Escape')

    // The settings have the menu too, and keep the part.
    await page.goto(`${house.url}/?workspace=outlet#/settings/account`)
    await page.locator('dd').getByText('outlet', { exact: true }).waitFor()
    await menu().click()
    await page.getByRole('link', { name: 'main', exact: true }).click()
    await page.getByRole('button', { name: 'Workspace: main' }).waitFor()
    expect(page.url()).toContain('?workspace=main#/settings/account')
    await page.getByRole('link', { name: /^Desk/ }).click()
    await row(MAIN).click()
    expect(await page.getByRole('textbox', { name: /reply|message/i }).inputValue()).toBe('half an answer to Mara')

    // An address without a workspace is the one of last time.
    await page.goto(`${house.url}/?workspace=outlet`)
    await live()
    await page.goto(house.url)
    await page.getByRole('button', { name: 'Workspace: outlet' }).waitFor()
  })

  test('a workspace that is unknown or lost leads to the first one, which is said', async () => {
    await worksInOutletToo()
    await signIn()
    await page.goto(`${house.url}/?workspace=nowhere#/c/cnv_1`)
    await page.getByText('You do not work in that workspace, or not any more. You are in main now.').waitFor()
    expect(page.url()).toMatch(/\/\?workspace=main#\/$/)
    await page.getByRole('button', { name: 'Close' }).click()
    await page.goto(`${house.url}/?workspace=outlet`)
    await live()
    await seePictureOf(OTHER)
    expect((await inOutlet('DELETE', `/api/v1/people/${who.id}`)).status).toBe(200)
    await page.getByText('You are in main now.').waitFor()
    await row(MAIN).waitFor()
    expect([await row(OTHER).count(), await menu().count()]).toEqual([0, 0])
    expect(page.url()).toBe(`${house.url}/#/`)
  })

  test('whoever works in one sees no menu, and a key stays in its own workspace whatever the address says', async () => {
    await signIn()
    await row(MAIN).waitFor()
    expect([await menu().count(), new URL(page.url()).search]).toEqual([0, ''])
    await page.getByRole('button', { name: 'Sign out' }).click()
    const { body } = await inOutlet('POST', '/api/v1/keys', { name: 'desk', role: 'owner' })
    await page.goto(`${house.url}/`)
    await page.getByText('API key').first().click()
    await page.getByLabel('API key').fill(body.key)
    await page.keyboard.press('Enter')
    await row(OTHER).waitFor()
    expect([await row(MAIN).count(), await menu().count()]).toEqual([0, 0])
  })
})
