import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../../testing/open-browser.ts'
import { codeOf, hire, TEST_PASSWORD } from '../../testing/sign-in-requests.ts'
import { TestGateway } from '../../testing/test-gateway.ts'

setDefaultTimeout(BROWSER_MS_MAX)

const OWNER = { name: 'Olga Owner', email: 'olga@example.com', password: TEST_PASSWORD }

describe.skipIf(isBrowserMissing)(`the settings in a browser, before a real house${whySkipped}`, () => {
  let browser: Browser
  let house: TestGateway
  /** What the owner's browser keeps, made once by coming in through the page. */
  let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>
  let contexts: BrowserContext[]
  /** What pages complained about: broken policies and exceptions. */
  let complaints: string[]
  let page: Page

  beforeAll(async () => {
    house = await TestGateway.open()
    browser = await openBrowser()
    contexts = []
    complaints = []
    signedIn = await theFirstOwnerComesIn()
  })
  afterAll(async () => {
    await browser?.close()
    await house?.close()
  })
  beforeEach(async () => {
    contexts = []
    complaints = []
    page = await open({ storageState: signedIn })
  })
  afterEach(async () => {
    for (const context of contexts) await context.close()
    expect(complaints).toEqual([])
  })

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    contexts.push(context)
    return watched(await context.newPage(), (text) => complaints.push(text), 'expected')
  }

  async function theFirstOwnerComesIn() {
    const first = await open()
    await first.goto(`${house.url}/#link=${house.setupToken}`)
    await first.getByLabel('Your name').fill(OWNER.name)
    await first.getByLabel('E-mail').fill('olga')
    await first.getByLabel('New password').fill(OWNER.password)
    await first.keyboard.press('Enter')
    // What is wrong is said at its field, which has the focus.
    await first.getByText('This must be an e-mail address.').waitFor()
    expect(await first.getByLabel('E-mail').getAttribute('aria-invalid')).toBe('true')
    await first.getByLabel('E-mail').fill(OWNER.email)
    await first.keyboard.press('Enter')
    await first.getByText('Live', { exact: true }).waitFor()
    const kept = await first.context().storageState()
    await first.close()
    return kept
  }

  async function signIn(on: Page, who: { email: string; password: string }): Promise<void> {
    await on.goto(house.url)
    await on.getByLabel('E-mail').fill(who.email)
    await on.getByLabel('Password').fill(who.password)
    await on.keyboard.press('Enter')
  }

  const goTo = (on: Page, path: string) => on.goto(`${house.url}/#/settings${path}`)
  const button = (on: Page, name: string | RegExp) => on.getByRole('button', { name, exact: true })
  const heading = (on: Page, name: string) => on.getByRole('main').getByRole('heading', { name, exact: true })
  const parts = (on: Page) => on.getByRole('navigation', { name: 'Settings' }).getByRole('link')

  test('the owner invites an agent, who comes in by the link, signs in with a second factor, sees what agents may, and is out at once when suspended', async () => {
    await page.goto(house.url)
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('link', { name: 'People' }).click()
    await page.getByRole('link', { name: 'Invite' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Ada Agent')
    await page.getByLabel('E-mail').fill('ada.agent@example.com')
    // Twice quickly is once.
    const sent: string[] = []
    page.on('request', (request) => request.method() === 'POST' && sent.push(new URL(request.url()).pathname))
    await button(page, 'Make the invitation').dblclick()
    const link = await page.getByLabel('Link for them').inputValue()
    expect(sent.filter((path) => path.startsWith('/api/v1/people'))).toEqual([
      '/api/v1/people',
      expect.stringMatching(/^\/api\/v1\/people\/per_\w+\/link$/),
    ])
    expect(decodeURIComponent(page.url())).not.toMatch(/ada|agent/i)

    const ada = await open()
    // The link names the house as browsers find it; here that is the page's own address.
    await ada.goto(`${house.url}/${new URL(link).hash}`)
    await ada.getByLabel('New password').fill(TEST_PASSWORD)
    await ada.keyboard.press('Enter')
    await ada.getByText('Your password is set. Sign in now.').waitFor()
    const who = { email: 'ada.agent@example.com', password: TEST_PASSWORD }
    await signIn(ada, who)
    await ada.getByText('Live', { exact: true }).waitFor()
    const secret = await setSecondFactorUp(ada)
    await ada.getByRole('button', { name: 'Sign out', exact: true }).click()
    await signIn(ada, who)
    await ada.getByLabel('Code of your app').fill(codeOf(secret, 1))
    await ada.keyboard.press('Enter')
    await ada.getByText('Live', { exact: true }).waitFor()

    await goTo(ada, '/people')
    await ada.getByText('Olga Owner').waitFor()
    expect(await parts(ada).allTextContents()).toEqual(['My account', 'People', 'Teams', 'Roles'])
    expect(await ada.getByRole('link', { name: 'Invite' }).count()).toBe(0)
    await goTo(ada, '/keys')
    await ada.getByText('Your role does not show you this part.').waitFor()

    await page.getByRole('link', { name: 'Open Ada Agent' }).click()
    await button(page, 'Suspend').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend', exact: true }).click()
    await ada.getByText('You are not signed in any more.').waitFor()
    await page.getByText('they cannot come in until they are let back').waitFor()
    await page.getByRole('link', { name: 'People' }).last().click()
    await page.getByText('suspended', { exact: true }).waitFor()
  })

  async function setSecondFactorUp(on: Page): Promise<string> {
    await goTo(on, '/account')
    await on.getByLabel('Your password').fill('not this one')
    await on.keyboard.press('Enter')
    await on.getByText('The password is wrong.').waitFor()
    await on.getByLabel('Your password').fill(TEST_PASSWORD)
    await on.keyboard.press('Enter')
    await on.getByRole('img', { name: 'The secret as a QR code' }).waitFor()
    const secret = await on.getByLabel('Secret', { exact: true }).inputValue()
    await on.getByLabel('The code that the app shows').fill(codeOf(secret))
    await on.keyboard.press('Enter')
    const shown = on.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem')
    await shown.first().waitFor()
    const codes = await shown.allTextContents()
    expect(new Set(codes).size).toBe(10)
    const download = on.waitForEvent('download')
    await on.getByRole('link', { name: 'Save as a file' }).click()
    const path = await (await download).path()
    expect((await Bun.file(path).text()).trim().split('\n')).toEqual(codes)
    await button(on, 'I have kept them').click()
    await on.getByText('10 recovery codes left').waitFor()
    return secret
  }

  test('a key is made, shown once, opens what it may, and nothing once it is revoked', async () => {
    await goTo(page, '/keys/new')
    await page.getByLabel('What it is for').fill('figures')
    await button(page, 'Make the key').click()
    await page.getByText('Please tick at least one.').waitFor()
    await page.getByLabel('See who works here, and their teams.').check()
    await button(page, 'Make the key').click()
    const key = await page.getByLabel('API key', { exact: true }).inputValue()
    const ask = async (path: string) =>
      (await house.request(path, { headers: { Authorization: `Bearer ${key}` } })).status
    expect([await ask('/api/v1/people'), await ask('/api/v1/audit')]).toEqual([200, 403])
    await page.getByRole('link', { name: 'To the list' }).click()
    await button(page, 'Revoke figures').click()
    expect(await page.content()).not.toContain(key)
    // Escape leaves everything, and leads the focus back.
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Revoke figures')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
    await button(page, 'Revoke figures').waitFor({ state: 'detached' })
    expect(await ask('/api/v1/people')).toBe(401)
    await page.waitForFunction('document.activeElement.tagName === "H2"')
  })

  test('a file of people is looked at before anybody is added, with what is wrong in each row', async () => {
    await goTo(page, '/people/import')
    const give = (rows: string) =>
      page.getByLabel('File').setInputFiles({
        name: 'people.csv',
        mimeType: 'text/csv',
        buffer: Buffer.from(`name,email,role\n${rows}`),
      })
    await give('Bo,nothing,agent\nCi,ci@example.com,king\n')
    await page.getByText('2 faults in the file').waitFor()
    expect(await page.getByRole('row').nth(1).textContent()).toBe('2emailThis is no e-mail address')
    await give('Bo,bo.import@example.com,agent\nCi,ci.import@example.com,agent\n')
    await button(page, 'Add 2 people').click()
    await heading(page, '2 people added').waitFor()
    await page.getByRole('link', { name: 'To the list' }).click()
    await page.getByLabel('Search people').fill('import')
    await page.getByText('2 people').waitFor()
  })

  test('what is typed stays while messages come in, what is changed is there after a reload, and back leads back', async () => {
    const who = await hire(house)
    await goTo(page, '/teams/new')
    await page.getByLabel('Name', { exact: true }).fill('returns')
    await page.getByLabel('slow').check()
    await house.write('+12025550166', 'hello', { name: 'Zelda' })
    await page.getByRole('link', { name: 'Desk 1 unread' }).waitFor()
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('returns')
    await page.getByLabel('Search people').fill(who.email)
    await page.getByRole('checkbox', { name: who.name }).check()
    await button(page, 'Make the team').click()
    await heading(page, 'returns').waitFor()
    await page.reload()
    await heading(page, 'returns').waitFor()
    await page.getByText('1 person in the team').waitFor()
    expect(await page.getByLabel('slow').isChecked()).toBe(true)

    await goTo(page, `/people/${who.id}`)
    await heading(page, who.name).waitFor()
    expect(await page.getByLabel('returns').isChecked()).toBe(true)
    await page.getByLabel('Languages').fill('en, Klingonese')
    await button(page, 'Save').click()
    await page.getByText('This must be a language, such as').waitFor()
    await page.getByLabel('Languages').fill('en, tlh')
    await button(page, 'Save').click()
    await page.getByText('Saved', { exact: true }).waitFor()
    expect((await house.api(`/api/v1/people/${who.id}`)).body.languages).toEqual(['en', 'tlh'])
    await page.goBack()
    await heading(page, 'returns').waitFor()
  })

  test('a role of one’s own is made of sentences, and the audit says who did it', async () => {
    await goTo(page, '/roles/new')
    await page.getByLabel('Name', { exact: true }).fill('night shift')
    await page.getByLabel('Answer in a conversation that one sees.').check()
    await button(page, 'Make the role').click()
    await page.getByText('A role of your own.').waitFor()
    await page.getByLabel('Search the messages that one sees.').check()
    await button(page, 'Save').click()
    await page.getByText('It holds for everybody who has this role.').waitFor()
    await goTo(page, '/roles')
    await page.getByRole('link', { name: /^owner/ }).click()
    await page.getByText('The owner may everything.').waitFor()
    expect(await page.getByRole('checkbox', { disabled: false }).count()).toBe(0)
    await goTo(page, '/audit?action=role.add')
    await page.getByRole('listitem').filter({ hasText: 'Olga Owner added a role' }).waitFor()
    await page.getByLabel('Of what').fill('ada@example.com')
    await button(page, 'Show').click()
    await page.getByText('An id is written such as cnv_2j.').waitFor()
    expect(page.url()).not.toContain('ada')
  })

  test('what somebody else saved meanwhile stays, and is seen after one’s own change', async () => {
    const change = (path: string, body: object) =>
      house.request(path, {
        method: 'PATCH',
        headers: { Authorization: `Bearer ${house.key}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
    const team = `/api/v1/teams/${(await house.api('/api/v1/teams', { name: 'early', people: [], numbers: [] })).body.id}`
    await goTo(page, team.slice('/api/v1'.length))
    await heading(page, 'early').waitFor()
    expect((await change(team, { name: 'late', numbers: ['106540352242922'] })).status).toBe(200)
    await page.getByLabel('slow').check()
    await button(page, 'Save').click()
    await page.getByText('Saved', { exact: true }).waitFor()
    await heading(page, 'late').waitFor()
    expect(await page.locator('input[name=numbers]:checked').count()).toBe(2)
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('late')
    const { items } = (await house.api('/api/v1/teams')).body
    expect(items.find(({ name }: { name: string }) => name === 'late').numbers).toHaveLength(2)

    const made = await house.api('/api/v1/roles', { name: 'day shift', permissions: ['messages.reply'] })
    await goTo(page, `/roles/${made.body.id}`)
    await heading(page, 'day shift').waitFor()
    await change(`/api/v1/roles/${made.body.id}`, { permissions: ['messages.reply', 'templates.see'] })
    await page.getByLabel('Search the messages that one sees.').check()
    await button(page, 'Save').click()
    await page.getByText('It holds for everybody who has this role.').waitFor()
    await page.waitForFunction(() => document.querySelectorAll('input[name=permissions]:checked').length === 3)
    const roles = (await house.api('/api/v1/roles')).body.items
    expect(roles.find(({ name }: { name: string }) => name === 'day shift').permissions).toHaveLength(3)
  })
})
