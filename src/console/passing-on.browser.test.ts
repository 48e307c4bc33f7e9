import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { hire } from '../testing/sign-in-requests.ts'
import { TestGateway } from '../testing/test-gateway.ts'

setDefaultTimeout(BROWSER_MS_MAX)

describe.skipIf(isBrowserMissing)(`conversations that pass on, before a real house${whySkipped}`, () => {
  let browser: Browser
  let house: TestGateway
  let page: Page
  let agent: Awaited<ReturnType<typeof hire>>
  let complaints: string[]

  beforeAll(async () => {
    house = await TestGateway.open()
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await house?.close()
  })
  beforeEach(async () => {
    agent = await hire(house)
    complaints = []
    page = watched(
      await browser.newPage({ viewport: { width: 1280, height: 800 } }),
      (text) => complaints.push(text),
      'expected',
    )
  })
  afterEach(async () => {
    await page.close()
    expect(complaints).toEqual([])
  })

  const assign = (id: string, assignee: string | null) =>
    house.api(`/api/v1/conversations/${id}/assign`, { assignee }, { 'Content-Type': 'application/json' })

  test('one that comes is shown whole, one that passes to others leaves the page at once', async () => {
    await house.write('+4915112345601', 'Where is my parcel?')
    const { id } = await house.conversationOf('+4915112345601')
    await page.goto(house.url)
    await page.getByLabel('E-mail').fill(agent.email)
    await page.getByLabel('Password').fill(agent.password)
    await page.keyboard.press('Enter')
    await page.getByText('No conversations yet').waitFor()

    expect((await assign(id, agent.id)).status).toBe(200)
    const row = page.getByRole('option')
    await row.getByText('Where is my parcel?').waitFor()
    await row.getByLabel('1 unread').waitFor()
    expect(await row.textContent()).toContain('open')
    await row.click()
    await page.locator('[data-message]', { hasText: 'Where is my parcel?' }).waitFor()
    await page.getByRole('textbox').fill('half an answer')

    expect((await assign(id, null)).status).toBe(200)
    await row.waitFor({ state: 'detached' })
    await page.getByText('That is no longer there.').waitFor()
    expect(await page.content()).not.toContain('Where is my parcel?')
    expect(await page.getByRole('textbox').count()).toBe(0)

    expect((await assign(id, agent.id)).status).toBe(200)
    await page.locator('[data-message]', { hasText: 'Where is my parcel?' }).waitFor()
    expect(await page.getByRole('textbox').inputValue()).toBe('half an answer')
  })
})
