import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { type FakeServer, startFakeServer } from './fake-server.test-support.ts'

setDefaultTimeout(BROWSER_MS_MAX)

describe.skipIf(isBrowserMissing)(`the console in a browser${whySkipped}`, () => {
  let browser: Browser
  let server: FakeServer
  let page: Page
  /** What the page complained about: broken policies, exceptions, failed requests that were not meant to fail. */
  let complaints: string[]
  let isDownExpected = false

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => await browser?.close())

  beforeEach(async () => {
    complaints = []
    isDownExpected = false
    server = await startFakeServer({ simulator: 'http://127.0.0.1:9/phone' })
    server.addNumber({ number: '106540352242922', alias: 'Support', display: null, state: 'active' })
    page = watched(await browser.newPage({ viewport: { width: 1280, height: 800 } }), (text) => {
      const isNetwork = /Failed to load resource|WebSocket connection to/.test(text)
      if (!(isNetwork && isDownExpected)) complaints.push(text)
    })
  })
  afterEach(async () => {
    await page.close()
    await server.stop()
    expect(complaints).toEqual([])
  })

  async function signIn(at = server.url): Promise<void> {
    await page.goto(at)
    await page.getByLabel('API key').fill(server.key)
    await page.keyboard.press('Enter')
    await page.getByText('Live', { exact: true }).waitFor()
  }

  const bubble = (text: string) => page.locator('[data-message]', { hasText: text })

  test('lets nobody in without the right key, and forgets it on the way out', async () => {
    isDownExpected = true
    await page.goto(server.url)
    await page.getByLabel('API key').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('That key is not valid').waitFor()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    await page.getByLabel('API key').fill(server.key)
    await page.keyboard.press('Enter')
    await page.getByText('No conversations yet').waitFor()
    expect(await page.getByRole('link', { name: '127.0.0.1:9/phone' }).getAttribute('href')).toBe(
      'http://127.0.0.1:9/phone',
    )
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('API key').waitFor()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
  })

  test('shows a message the moment it comes, counts it, and marks it read when it is opened', async () => {
    server.addConversation({ id: 'b', contact: { id: 'x', name: 'Bob' } })
    await signIn()
    server.receive('a', { text: { body: 'Hello there' } })
    const row = page.getByRole('option', { name: /Ada Byron/ })
    await row.getByText('Hello there').waitFor()
    await row.getByLabel('1 unread').waitFor()
    await page.waitForFunction(() => document.title === '(1) Gatehouse')
    expect(await page.getByRole('option').first().textContent()).toContain('Ada Byron')
    expect(server.requests).not.toContain('POST /api/v1/conversations/a/read')
    await row.click()
    await bubble('Hello there').waitFor()
    await page.waitForFunction(() => document.title === 'Gatehouse')
    expect(server.requests).toContain('POST /api/v1/conversations/a/read')
    server.receive('a', {
      type: 'image',
      image: { caption: 'Look', secret: 'never shown' },
      content: { kind: 'attachment', text: 'Look' },
    })
    await bubble('Image').getByText('Look').waitFor()
    expect(await page.content()).not.toContain('never shown')
    // One that comes late stands above it, and is seen as well.
    await page.waitForFunction(() => document.title === 'Gatehouse')
    const read = page.waitForRequest((request) => request.url().endsWith('/a/read'))
    server.receive('a', { at: new Date(Date.now() - 60_000).toISOString(), text: { body: 'Late' } })
    await read
    expect(await page.locator('[data-message]').first().textContent()).toContain('Late')
  })

  test('marks nothing read while nobody can see the page', async () => {
    server.addConversation({ id: 'a' })
    await page.addInitScript(() => {
      const get = () => ((window as { seen?: boolean }).seen === true ? 'visible' : 'hidden')
      Object.defineProperty(document, 'visibilityState', { get })
    })
    await signIn()
    await page.getByRole('option').click()
    server.receive('a', { text: { body: 'Anybody there?' } })
    await bubble('Anybody there?').waitFor()
    await page.getByLabel('1 unread').waitFor()
    expect(server.requests).not.toContain('POST /api/v1/conversations/a/read')
    await page.evaluate(() => {
      Object.assign(window, { seen: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await page.getByLabel('1 unread').waitFor({ state: 'detached' })
    expect(server.requests).toContain('POST /api/v1/conversations/a/read')
  })

  test('sends a reply once and shows how far it has come, up to read', async () => {
    server.addConversation({ id: 'a' })
    server.receive('a', { text: { body: 'A question' } })
    server.progress = []
    await signIn()
    await page.getByRole('option').click()
    await bubble('A question').hover()
    await bubble('A question')
      .getByRole('button', { name: /Answer this message/ })
      .click()
    await page.keyboard.type('An answer')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('in two lines')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    const mine = bubble('An answer')
    await mine.getByRole('button', { name: 'A question' }).waitFor()
    await mine.getByRole('img', { name: 'Queued' }).waitFor()
    const [message] = [...server.taken.values()]
    expect(message).toMatchObject({
      text: { body: 'An answer\nin two lines' },
      context: { message_id: 'message-000001' },
    })
    const states = { sent: 'Sent', delivered: 'Delivered', read: 'Read' } as const
    for (const [state, label] of Object.entries(states)) {
      server.report(message?.id ?? '', state as keyof typeof states)
      await mine.getByRole('img', { name: label, exact: true }).waitFor()
    }
    expect(server.taken.size).toBe(1)
    expect(await page.locator('.message-out').count()).toBe(1)
  })

  test('a reply whose answer was lost is repeated without doubling; a refused one keeps its text', async () => {
    isDownExpected = true
    server.addConversation({ id: 'a' })
    server.loseAnswers = 2
    await signIn()
    await page.getByRole('option').click()
    await page.getByRole('textbox').fill('Only once')
    await page.keyboard.press('Enter')
    await bubble('Only once').getByRole('img', { name: 'Read', exact: true }).waitFor()
    await page.getByRole('textbox').fill('refuse me')
    await page.keyboard.press('Enter')
    await page.getByText('Not sent: The 24-hour window is closed').waitFor()
    await page.getByRole('button', { name: 'Edit' }).click()
    expect(await page.getByRole('textbox').inputValue()).toBe('refuse me')
    expect(server.taken.size).toBe(1)
    expect(await page.locator('.message-out').count()).toBe(1)
  })

  test('a failure is told with its reason and can be tried again', async () => {
    server.addConversation({ id: 'a' })
    const message = server.addMessage({ conversation_id: 'a', direction: 'out', text: { body: 'Lost one' } })
    await signIn()
    await page.getByRole('option').click()
    await bubble('Lost one').getByRole('img', { name: 'Sent' }).waitFor()
    server.report(message.id, 'failed', 'Message undeliverable')
    await page.getByText('Not sent: Message undeliverable').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await bubble('Lost one').getByRole('img', { name: 'Queued' }).waitFor()
  })

  test('after the server was away, what was missed is there once', async () => {
    isDownExpected = true
    server.addConversation({ id: 'a' })
    await signIn()
    server.receive('a', { text: { body: 'before' } })
    await page.getByRole('option').click()
    await bubble('before').waitFor()
    await server.down()
    await page.getByText('Reconnecting…').waitFor()
    server.receive('a', { text: { body: 'meanwhile' } })
    server.receive('z', { text: { body: 'from elsewhere' } })
    server.up()
    await page.getByText('Live', { exact: true }).waitFor()
    server.receive('a', { text: { body: 'after' } })
    await bubble('after').waitFor()
    const texts = await page.locator('[data-message] .text').allTextContents()
    expect(texts).toEqual(['before', 'meanwhile', 'after'])
    expect(await page.getByRole('option').count()).toBe(2)
    await page.getByText('from elsewhere').waitFor()
    // What was opened while it was away is fetched by itself as well.
    await server.down()
    await page.getByText('Reconnecting…').waitFor()
    await page.getByText('from elsewhere').click()
    await page.getByText('The server cannot be reached.').waitFor()
    server.up()
    await bubble('from elsewhere').waitFor()
  })

  test('says at once that the network is gone, and is back with it', async () => {
    isDownExpected = true
    server.addConversation({ id: 'a' })
    await signIn()
    await page.context().setOffline(true)
    await page.getByText('Reconnecting…').waitFor()
    server.receive('a', { text: { body: 'Meanwhile' } })
    await page.context().setOffline(false)
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByText('Meanwhile').waitFor()
  })

  test('on a phone, list and thread are two screens, and back leads back', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    server.addConversation({ id: 'a' })
    server.addMessage({ conversation_id: 'a', text: { body: 'Hello' } })
    await signIn()
    const list = page.getByRole('listbox')
    await page.getByRole('option').click()
    await bubble('Hello').waitFor()
    expect(await list.isVisible()).toBe(false)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await page.getByRole('button', { name: 'Back to the list' }).click()
    await list.waitFor()
    // Cut at its end, which is at the left.
    server.receive('a', { text: { body: 'مرحبا، أين طلبي رقم 48213؟ شكرا جزيلا على المساعدة السريعة' } })
    await page.locator('.row-preview:dir(rtl)').waitFor()
    expect(await page.locator('.thread').isVisible()).toBe(false)
    await page.goBack()
    await bubble('Hello').waitFor()
  })

  test('Enter ends a word that is being composed, and sends nothing', async () => {
    server.addConversation({ id: 'a' })
    await signIn(`${server.url}/#/c/a`)
    const field = page.getByRole('textbox', { name: 'Reply to Ada Byron' })
    await field.fill('にほん')
    await field.evaluate((element) => {
      const press = (init: object) =>
        element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init }))
      // As Chromium and Firefox say it; and as Safari does, once the word is already there.
      press({ isComposing: true, keyCode: 229 })
      press({ isComposing: false, keyCode: 229 })
    })
    expect(await field.inputValue()).toBe('にほん')
    await field.press('Enter')
    await bubble('にほん').waitFor()
    expect(server.requests.filter((request) => request === 'POST /api/v1/messages')).toHaveLength(1)
  })

  test('can be worked by keys alone', async () => {
    for (const id of ['a', 'b', 'c']) server.addConversation({ id, contact: { id, name: `Customer ${id}` } })
    const base = Date.now() - 60_000
    for (const [index, id] of ['c', 'b', 'a'].entries()) {
      const at = new Date(base + index * 1000).toISOString()
      server.addMessage({ conversation_id: id, at, text: { body: `from ${id}` } })
    }
    await signIn()
    // Heard before anything has the focus.
    expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true)
    await page.keyboard.press('/')
    await page.getByRole('dialog', { name: 'Search messages' }).waitFor()
    await page.keyboard.type('/')
    expect(await page.getByRole('searchbox').inputValue()).toBe('/')
    // The browser's own field of a search: the first time it empties it.
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('listbox').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Customer b' }).waitFor()
    await page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA')
    await page.keyboard.type('kept for b')
    await page.keyboard.press('Escape')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Customer c' }).waitFor()
    expect(await page.getByRole('textbox').inputValue()).toBe('')
    await page.goBack()
    await page.getByRole('heading', { name: 'Customer b' }).waitFor()
    expect(await page.getByRole('textbox').inputValue()).toBe('kept for b')
  })

  test('holds long threads and lists with few elements, and brings the rest on scrolling', async () => {
    const base = Date.now() - 3_600_000
    for (let index = 0; index < 120; index += 1) server.addConversation({ id: `c${index}` })
    server.addConversation({ id: 'a', contact: { id: 'a', name: 'Long' } })
    for (let index = 0; index < 700; index += 1) {
      const at = new Date(base + index * 1000).toISOString()
      server.addMessage({ conversation_id: 'a', at, text: { body: `number ${index}.` } })
    }
    await signIn()
    await page.getByRole('option', { name: /Long/ }).click()
    await bubble('number 699.').waitFor()
    for (let tries = 0; tries < 60 && (await bubble('number 0.').count()) === 0; tries += 1) {
      await page.locator('.messages').evaluate((element) => element.scrollTo(0, 0))
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
    }
    await bubble('number 0.').first().waitFor()
    expect(await page.locator('[data-message]').count()).toBe(500)
    await page.getByRole('button', { name: 'Newest' }).click()
    await bubble('number 699.').waitFor()
    expect(await page.locator('[data-message]').count()).toBe(500)
    const list = page.locator('.list-scroll')
    for (
      let tries = 0;
      tries < 40 && server.requests.filter((line) => line === 'GET /api/v1/conversations').length < 3;
      tries += 1
    ) {
      await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
    }
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await page.locator('[aria-posinset="121"]').waitFor()
    expect(await page.getByRole('option').count()).toBeLessThan(50)
  })

  test('goes by the clock of the house, however wrong that of the browser is', async () => {
    server.addConversation({ id: 'b', contact: { id: 'x', name: 'Bob' } })
    for (const id of ['a', 'b']) server.receive(id, { text: { body: 'Earlier' } })
    await page.addInitScript('const right = Date.now; Date.now = () => right() + 3 * 86_400_000')
    await signIn(`${server.url}/#/c/a`)
    await page.getByText('window open until').waitFor()
    await page.getByRole('textbox', { name: 'Reply to Ada Byron' }).fill('On time')
    await page.keyboard.press('Enter')
    await bubble('On time').waitFor()
    const row = page.getByRole('option', { name: /Ada Byron/ })
    await row.getByText('On time').waitFor()
    expect(await row.textContent()).not.toContain('closed')
    server.receive('b', { text: { body: 'Later' } })
    await page.getByText('Later').waitFor()
    expect(await page.getByRole('option').first().textContent()).toContain('Bob')
    await page.reload()
    await page.getByText('window open until').waitFor()
  })

  test('says why no reply is possible', async () => {
    server.addConversation({ id: 'a', window_expires_at: null })
    server.addNumber({ number: 'n2', alias: 'Sales', display: null, state: 'unclaimed' })
    server.addConversation({ id: 'b', number: 'n2', number_alias: 'Sales', contact: { id: 'b', name: 'Bob' } })
    // An address that was cut off is the list.
    await signIn(`${server.url}/#/c/`)
    await page.getByRole('option', { name: /Ada/ }).click()
    await page.getByText('The 24-hour window is closed').waitFor()
    expect(await page.getByRole('textbox').isDisabled()).toBe(true)
    await page.getByRole('option', { name: /Bob/ }).click()
    await page.getByText('the number has not been set up here').waitFor()
    expect(await page.getByRole('textbox').isDisabled()).toBe(true)
  })
})
