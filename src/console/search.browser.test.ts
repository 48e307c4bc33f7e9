import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { type FakeServer, startFakeServer } from './fake-server.test-support.ts'

setDefaultTimeout(BROWSER_MS_MAX)

describe.skipIf(isBrowserMissing)(`searching, in a browser${whySkipped}`, () => {
  let browser: Browser
  let server: FakeServer
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => await browser?.close())

  beforeEach(async () => {
    complaints = []
    server = await startFakeServer()
    server.addNumber({ number: '106540352242922', alias: 'Support', display: '+15550783881', state: 'active' })
    server.addNumber({ number: '106540352242923', alias: 'Sales', display: null, state: 'active' })
    server.addConversation({ id: 'a', contact: { id: 'con_1', name: 'Ada Byron', phone: '+4915112345678' } })
    server.addConversation({ id: 'b', contact: { id: 'con_2', name: 'Ben Oduya', phone: '+4915112345679' } })
    say('a', 'parcel one', '2026-11-20T12:00:00.000Z')
    say('a', 'parcel two', '2026-11-21T12:00:00.000Z', { direction: 'out' })
    say('b', 'parcel three', '2026-11-22T12:00:00.000Z', { number: '106540352242923' })
    say('b', 'parcel four', '2026-11-22T13:00:00.000Z', { content: { kind: 'order', text: 'parcel four' } })
    page = watched(await browser.newPage({ viewport: { width: 1280, height: 800 } }), (text) => complaints.push(text))
    await page.goto(`${server.url}/#/c/a`)
    await page.getByLabel('API key').fill(server.key)
    await page.keyboard.press('Enter')
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByRole('log').waitFor()
    await page.getByRole('button', { name: /Search/ }).click()
    await page.getByRole('dialog', { name: 'Search messages' }).waitFor()
  })
  afterEach(async () => {
    await page.close()
    await server.stop()
    expect(complaints).toEqual([])
  })

  function say(conversation_id: string, text: string, at: string, more: object = {}): void {
    server.addMessage({
      conversation_id,
      number: '106540352242922',
      content: { kind: 'text', text },
      text: { body: text },
      at,
      ...more,
    })
  }
  const results = () => page.locator('.result-text')
  /** Waits until these are the results, whatever came before. */
  const found = (texts: string[]) =>
    page.waitForFunction(
      (wanted) => [...document.querySelectorAll('.result-text')].map((one) => one.textContent).join() === wanted,
      texts.map((text) => `parcel ${text}`).join(),
    )

  test('is narrowed down by each filter, and by all together', async () => {
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('searchbox').fill('parcel')
    await found(['four', 'three', 'two', 'one'])
    await dialog.getByRole('button', { name: 'Filters' }).click()
    const narrow = async (label: string, value: string, texts: string[]) => {
      const list = dialog.getByRole('combobox', { name: label, exact: true })
      if ((await list.count()) > 0) await list.selectOption(value)
      else await dialog.getByLabel(label, { exact: true }).fill(value)
      await found(texts)
      if (texts.length === 4) return
      await dialog.getByRole('button', { name: 'Clear' }).click()
      await found(['four', 'three', 'two', 'one'])
    }
    await narrow('Written by', 'out', ['two'])
    await narrow('Kind', 'order', ['four'])
    await narrow('Our number', '106540352242923', ['three'])
    await narrow('Person', 'Ada', ['two', 'one'])
    await narrow('From', '2026-11-22', ['four', 'three'])
    await narrow('To', '2026-11-20', ['one'])

    await dialog.getByLabel('Person', { exact: true }).fill('Ben')
    await dialog.getByRole('combobox', { name: 'Kind' }).selectOption('text')
    await dialog.getByLabel('From', { exact: true }).fill('2026-11-22')
    await found(['three'])
    await dialog.getByRole('button', { name: '3 filters' }).waitFor()
    await dialog.getByLabel('To', { exact: true }).fill('2026-11-21')
    await dialog.getByText('The last day is before the first.').waitFor()
    expect(await results().count()).toBe(0)
    await dialog.getByLabel('To', { exact: true }).fill('2026-11-22')
    await found(['three'])
    await results().first().click()
    await page.getByRole('heading', { name: 'Ben Oduya' }).waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  test('stays in the open conversation where that is wanted, and needs no words with a filter', async () => {
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('searchbox').fill('parcel')
    await found(['four', 'three', 'two', 'one'])
    await dialog.getByLabel('Only in this conversation').check()
    await found(['two', 'one'])
    // What is refused leaves nothing of the answer before it, and what is emptied nothing of the refusal.
    await dialog.getByRole('searchbox').fill('*')
    await dialog.getByRole('alert').waitFor()
    expect(await results().count()).toBe(0)
    complaints = complaints.filter((line) => !line.includes('status of 400'))
    await dialog.getByRole('searchbox').fill('')
    await dialog.getByRole('alert').waitFor({ state: 'detached' })
    await dialog.getByText('All words have to be in the message').waitFor()
    await dialog.getByRole('button', { name: 'Filters' }).click()
    await dialog.getByRole('combobox', { name: 'Written by' }).selectOption('in')
    await found(['one'])
  })
})
