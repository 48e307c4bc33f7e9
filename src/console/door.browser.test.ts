import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { DOOR } from './fake-door.test-support.ts'
import { type FakeServer, startFakeServer } from './fake-server.test-support.ts'

setDefaultTimeout(BROWSER_MS_MAX)

describe.skipIf(isBrowserMissing)(`the console's door in a browser${whySkipped}`, () => {
  let browser: Browser
  let server: FakeServer
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => await browser?.close())
  beforeEach(async () => {
    server = await startFakeServer()
    complaints = []
    page = watched(
      await browser.newPage({ viewport: { width: 1280, height: 800 } }),
      (text) => complaints.push(text),
      'expected',
    )
  })
  afterEach(async () => {
    await page.close()
    await server.stop()
    expect(complaints).toEqual([])
  })

  async function enter(password: string): Promise<void> {
    await page.getByLabel('E-mail').fill(DOOR.email)
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
  }

  test('lets somebody in with password and code, keeps nothing that a script could read, and lets them out', async () => {
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
  })

  test('whose session ends while they write goes on where they were, once they are in again; nobody else does', async () => {
    server.addNumber({ number: '106540352242922', alias: 'Support', display: null, state: 'active' })
    for (const id of ['a', 'b']) server.addConversation({ id, contact: { id: `con_${id}`, name: `Customer ${id}` } })
    const enterWhole = async () => {
      await enter(DOOR.password)
      await page.getByLabel('Code of your app').fill(DOOR.code)
      await page.keyboard.press('Enter')
      await page.getByText('Live', { exact: true }).waitFor()
    }
    const field = page.getByRole('textbox', { name: /Reply to/ })
    await page.goto(server.url)
    await enterWhole()
    await page.getByRole('option', { name: /Customer a/ }).click()
    await field.fill('Half a')
    await page.getByRole('option', { name: /Customer b/ }).click()
    await field.fill('Whole')
    await page.context().clearCookies()
    await page.keyboard.press('Enter')
    await page.getByText('You are not signed in any more. Please sign in again.').waitFor()

    await enterWhole()
    await page.locator('.message-unsent').getByText('Whole').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.locator('[data-message]').getByText('Whole').waitFor()
    await page.getByRole('option', { name: /Customer a/ }).click()
    expect(await field.inputValue()).toBe('Half a')

    await page.evaluate("sessionStorage.setItem('gatehouse.owner', 'per_2')")
    await page.reload()
    await page.getByText('Live', { exact: true }).waitFor()
    expect(await field.inputValue()).toBe('')
  })

  test('nobody who is in is asked to come in again because the house is just starting', async () => {
    await page.goto(server.url)
    await enter(DOOR.password)
    await page.getByLabel('Code of your app').fill(DOOR.code)
    await page.keyboard.press('Enter')
    await page.getByText('Live', { exact: true }).waitFor()
    let isStarting = true
    await page.route('**/api/auth/methods', (route) =>
      isStarting ? route.fulfill({ status: 503, json: { code: 'unavailable' } }) : route.continue(),
    )
    await page.reload()
    await page.getByText('The server is not ready. It works again in a moment.').waitFor()
    expect(await page.getByLabel('Password').count()).toBe(0)
    isStarting = false
    await page.getByText('Live', { exact: true }).waitFor()
  })

  test('opens a link, whose token does not stay in the address', async () => {
    await page.goto(`${server.url}/#link=${DOOR.link}`)
    await page.getByLabel('New password').fill('short')
    expect(page.url()).not.toContain(DOOR.link)
    await page.keyboard.press('Enter')
    await page.getByText('12 to 200 characters').waitFor()
    await page.getByLabel('New password').fill(DOOR.password)
    await page.keyboard.press('Enter')
    await page.getByText('Your password is set. Sign in now.').waitFor()
  })

  test('says that a link does not open', async () => {
    await page.goto(`${server.url}/#link=another`)
    await page.getByText('This link was used already.').waitFor()
    await page.getByRole('button', { name: 'To the door' }).click()
    await page.getByLabel('E-mail').waitFor()
  })
})
