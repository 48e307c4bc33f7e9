import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { startSimulator } from './simulator.ts'

setDefaultTimeout(BROWSER_MS_MAX)

describe.skipIf(isBrowserMissing)(`the customer's phone in a browser${whySkipped}`, () => {
  let browser: Browser
  let page: Page
  let gateway: ReturnType<typeof Bun.serve>
  let simulator: Awaited<ReturnType<typeof startSimulator>>
  /** Types and fields of what the gateway was told. */
  let told: string[]
  let complaints: string[]

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => await browser?.close())

  beforeEach(async () => {
    told = []
    complaints = []
    gateway = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      async fetch(request) {
        if (request.method === 'GET') return new Response(new URL(request.url).searchParams.get('hub.challenge'))
        const [change] = JSON.parse(await request.text()).entry[0].changes
        told.push(change.value.messages?.[0].type ?? change.field)
        return new Response('')
      },
    })
    simulator = await startSimulator({
      host: '127.0.0.1',
      port: 0,
      webhookUrl: `http://127.0.0.1:${gateway.port}/`,
      appSecret: 'secret',
      verifyToken: 'verify',
      accessToken: 'token',
      numbers: [{ phoneNumberId: '1', display: '+15550783881', alias: 'support', wabaId: '2' }],
      clock: systemClock,
      random: seededRandom(8),
      log: silentLog,
    })
    page = watched(await browser.newPage({ viewport: { width: 1280, height: 900 } }), (text) => complaints.push(text))
    await page.goto(`http://127.0.0.1:${simulator.port}/`)
    await page.getByText('Gateway connected').waitFor()
  })
  afterEach(async () => {
    await page.close()
    await simulator.stop()
    await gateway.stop(true)
    expect(complaints).toEqual([])
  })

  const bubble = (text: string | RegExp) => page.locator('.bubble', { hasText: text }).last()
  const write = async (text: string) => {
    await page.getByRole('textbox', { name: 'Message', exact: true }).fill(text)
    await page.keyboard.press('Enter')
    await bubble(text).waitFor()
  }
  const choose = async (text: string, entry: string | RegExp) => {
    await bubble(text).hover()
    await bubble(text).getByRole('button', { name: 'React, reply, change' }).click()
    await page.locator('#acts').getByRole('button', { name: entry }).click()
  }

  test('writes, reacts, replies, edits and deletes', async () => {
    await write('At noon')
    await choose('At noon', /React with ❤/)
    await bubble('At noon').locator('.hearts').waitFor()
    await choose('At noon', 'Reply')
    await page.getByText('Answering: At noon').waitFor()
    await write('Or later')
    await bubble('Or later').locator('.quote', { hasText: 'At noon' }).waitFor()
    await choose('Or later', 'Edit')
    await write('Or at one')
    await bubble('Or at one').getByText('edited').waitFor()
    await choose('Or at one', 'Delete for everybody')
    await bubble('This message was deleted').waitFor()
    expect(told).toEqual(['text', 'reaction', 'text', 'edit', 'revoke'])
  })

  test('sends a file of whoever sits there, and anything ready-made', async () => {
    const open = () => page.getByRole('button', { name: 'Send something else' }).click()
    await open()
    await page.getByLabel('Audio is a voice note').check()
    await page
      .getByLabel('Audio', { exact: true })
      .setInputFiles({ name: 'note.ogg', mimeType: 'audio/ogg', buffer: Buffer.from('OggS') })
    await page.locator('.bubble audio').waitFor()
    await open()
    await page.getByRole('button', { name: 'An order out of the catalogue' }).click()
    await bubble('[Order] As a present, please').waitFor()
    await open()
    await page.getByRole('button', { name: 'Stop its advertising' }).click()
    await page.getByText('A customer chose to stop advertising').waitFor()
    await page.getByText('Webhook (user_preferences) answered 200').waitFor()
    expect(told).toEqual(['audio', 'order', 'user_preferences'])
  })

  test('joins a group and writes there; the firm writes on its own phone; the platform gives notice', async () => {
    await page.getByRole('combobox', { name: 'Group', exact: true }).fill('Tour')
    await page.keyboard.press('Enter')
    await page.locator('#number').selectOption({ label: 'Group: Tour' })
    await write('Where do we meet?')
    await page.locator('#number').selectOption({ label: 'support' })
    await bubble('Where do we meet?').waitFor({ state: 'detached' })
    await page.getByRole('textbox', { name: 'The firm writes on its own phone' }).fill('From the firm')
    await page.keyboard.press('Enter')
    await page.locator('.bubble.received', { hasText: 'From the firm' }).waitFor()
    await page.getByRole('combobox', { name: 'Notice of the platform' }).selectOption('pin_changed')
    await page.getByRole('button', { name: 'Tell' }).click()
    await page.getByText('Webhook (security) answered 200').waitFor()
    expect(told.toSorted()).toEqual([
      'group_lifecycle_update',
      'group_participants_update',
      'security',
      'smb_message_echoes',
      'text',
    ])
  })
})
