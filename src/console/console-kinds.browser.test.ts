import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { BROWSER_MS_MAX, isBrowserMissing, openBrowser, watched, whySkipped } from '../testing/open-browser.ts'
import { type FakeServer, startFakeServer } from './fake-server.test-support.ts'
import type { AttachmentView, PersonView } from './wire.ts'

setDefaultTimeout(BROWSER_MS_MAX)

/** A red square of 8 by 8 pixels. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC',
  'base64',
)

const file = (change: Partial<AttachmentView> = {}): AttachmentView => ({
  id: 'med_1',
  state: 'ready',
  reason: null,
  kind: 'image',
  mime_type: 'image/png',
  file_name: null,
  size_bytes: PNG.length,
  voice: false,
  animated: false,
  thumbnail: true,
  url: '/api/v1/media/med_1',
  thumbnail_url: '/api/v1/media/med_1/thumbnail',
  ...change,
})

const person = (id: string, name: string, phone: string): PersonView => ({
  id,
  name,
  phone,
  user_id: null,
  identities: [
    { kind: 'phone', value: phone, source: 'message', since: '2026-11-20T09:00:00.000Z', until: null, contact_id: id },
  ],
  attributes: { customer_number: 'R-1' },
  consents: { marketing_messages: { value: 'stop', at: '2026-11-21T09:00:00.000Z', source: 'platform' } },
  merged_into: null,
  merged: [],
  created_at: '2026-11-20T09:00:00.000Z',
})

describe.skipIf(isBrowserMissing)(`what a thread shows, in a browser${whySkipped}`, () => {
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
    server.addNumber({ number: '106540352242922', alias: 'Support', display: null, state: 'active' })
    server.addConversation({ id: 'a', contact: { id: 'con_1', name: 'Ada Byron', phone: '+4915112345678' } })
    server.people.set('con_1', person('con_1', 'Ada Byron', '+4915112345678'))
    server.people.set('con_2', person('con_2', 'A. B.', '+12125550123'))
    page = await newPage()
  })
  afterEach(async () => {
    await page.close()
    await server.stop()
    expect(complaints).toEqual([])
  })

  async function newPage(): Promise<Page> {
    return watched(await browser.newPage({ viewport: { width: 1280, height: 800 } }), (text) => complaints.push(text))
  }
  async function open(on = page): Promise<void> {
    await on.goto(`${server.url}/#/c/a`)
    await on.getByLabel('API key').fill(server.key)
    await on.keyboard.press('Enter')
    await on.getByText('Live', { exact: true }).waitFor()
    await on.getByRole('log').waitFor()
  }
  const row = (id: string) => page.locator(`[data-message="${id}"]`)

  test('fetches a picture with the key, shows it by an address of its own, and larger on a click', async () => {
    server.bytes.set('/api/v1/media/med_1', new Blob([PNG], { type: 'image/png' }))
    server.bytes.set('/api/v1/media/med_1/thumbnail', new Blob([PNG], { type: 'image/png' }))
    await open()
    const { id } = server.receive('a', {
      type: 'image',
      content: { kind: 'attachment', text: 'Look' },
      attachments: [file({ state: 'waiting', thumbnail_url: null, url: null })],
    })
    await row(id).getByText('Image is on its way').waitFor()
    server.file(id, file())
    const picture = row(id).locator('.picture img')
    await picture.waitFor()
    expect(await picture.getAttribute('src')).toStartWith('blob:')
    await page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLImageElement>('.picture img')].every((image) => image.naturalWidth === 8),
    )
    await row(id).getByRole('button', { name: 'Show the picture' }).click()
    await page.getByRole('dialog', { name: 'Picture' }).locator('img').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(server.requests.filter((line) => line.includes('/media/'))).toEqual([
      'GET /api/v1/media/med_1/thumbnail',
      'GET /api/v1/media/med_1',
    ])
  })

  test('what the browser can neither show nor play is said, and can be saved', async () => {
    const noise = new Blob(['neither picture nor film'])
    for (const [id, kind] of [
      ['med_1', 'image'],
      ['med_2', 'video'],
    ] as const) {
      server.bytes.set(`/api/v1/media/${id}`, noise)
      const url = `/api/v1/media/${id}`
      const attachments = [file({ id, kind, url, thumbnail: false, thumbnail_url: null })]
      server.addMessage({ conversation_id: 'a', type: kind, content: { kind: 'attachment' }, attachments })
    }
    await open()
    await row('message-000001').getByText('This browser cannot show it').waitFor()
    await row('message-000002').getByRole('button', { name: 'Play: Video' }).click()
    await row('message-000002').getByText('This browser cannot show it').waitFor()
    const download = page.waitForEvent('download')
    await row('message-000001').getByRole('button', { name: 'Save Image' }).click()
    expect(await Bun.file(await (await download).path()).text()).toBe('neither picture nor film')
  })

  test('says in words what became of a file, and asks for it again', async () => {
    const lost = server.addMessage({
      conversation_id: 'a',
      type: 'video',
      content: { kind: 'attachment' },
      attachments: [file({ kind: 'video', state: 'failed', url: null, thumbnail_url: null })],
    })
    server.addMessage({
      conversation_id: 'a',
      type: 'document',
      content: { kind: 'attachment' },
      attachments: [file({ id: 'med_2', kind: 'document', state: 'too_large', url: null, size_bytes: 157_286_400 })],
    })
    await open()
    await page.getByText('Document is too large to be kept here (157 MB)').waitFor()
    await row(lost.id).getByRole('button', { name: 'Try again' }).click()
    await page.waitForFunction(() => document.querySelectorAll('.missing button:disabled').length === 0)
    expect(server.requests).toContain('POST /api/v1/media/med_1/fetch')
    server.file(lost.id, file({ kind: 'video', state: 'waiting', url: null, thumbnail_url: null }))
    await row(lost.id).getByText('Video is on its way').waitFor()
  })

  test('shows reactions, edits and what was taken back without a reload', async () => {
    const { id } = server.addMessage({ conversation_id: 'a', text: { body: 'At noon' } })
    await open()
    server.react(id, '👍')
    server.react(id, '👍', 'us')
    await row(id).getByText('👍 by you and Ada Byron').waitFor()
    server.react(id, null)
    await row(id).getByText('👍 by you', { exact: true }).waitFor()
    server.edit(id, 'At one')
    await row(id).getByText('At one').waitFor()
    await row(id).getByText('edited').waitFor()
    await page.getByRole('option').getByText('At one').waitFor()
    server.revoke(id, 'hidden')
    await row(id).getByText('The customer took this message back').waitFor()
    expect(await page.content()).not.toContain('At one')
    await row(id).getByRole('button', { name: 'Show' }).click()
    await row(id).getByText('At one').waitFor()
    await row(id).getByRole('button', { name: 'Hide' }).click()
    await row(id).getByText('At one').waitFor({ state: 'detached' })
  })

  test('finds messages, and opens the thread at the one that is chosen, however far up it is', async () => {
    const day = Date.now() - 86_400_000
    for (let index = 0; index < 130; index++) {
      const text = index === 3 ? 'The parcel is blue' : `Message ${index}`
      server.addMessage({
        conversation_id: 'a',
        at: new Date(day + index * 1000).toISOString(),
        text: { body: text },
      })
    }
    await open()
    await page.getByRole('log').focus()
    await page.keyboard.press('/')
    await page.keyboard.type('parcel')
    const result = page.getByRole('button', { name: /The parcel is blue/ })
    await result.waitFor()
    expect(await result.locator('mark').textContent()).toBe('parcel')
    await page.keyboard.press('Enter')
    const bubble = page.locator('.message-sought', { hasText: 'The parcel is blue' })
    await bubble.waitFor()
    await page.waitForFunction(() => {
      const box = document.querySelector('.messages')?.getBoundingClientRect()
      const found = document.querySelector('.message-sought')?.getBoundingClientRect()
      return box !== undefined && found !== undefined && found.top >= box.top && found.bottom <= box.bottom
    })
    expect(page.url()).not.toContain('parcel')
  })

  test('shows who somebody is, keeps notes of them, and makes two contacts one and two again', async () => {
    await open()
    await page.getByRole('button', { name: 'About this person' }).click()
    // It stands beside what is answered, not above it.
    const right = (of: string) => page.locator(of).evaluate((element) => element.getBoundingClientRect().right)
    await page.locator('.person').waitFor()
    expect(await right('.send')).toBeLessThan(1280 - 360)
    const panel = page.getByRole('complementary', { name: 'About this person' })
    await panel.getByText('+4915112345678').waitFor()
    await panel.getByText('marketing messages: does not want any').waitFor()
    await panel.getByLabel('What this person is called here').fill('Countess')
    await page.keyboard.press('Enter')
    await panel.getByRole('heading', { name: 'Countess' }).waitFor()
    await page.getByRole('option', { name: /Countess/ }).waitFor()
    await panel.getByLabel('Name of the attribute').fill('language')
    await panel.getByLabel('Value of the attribute').fill('en')
    await page.keyboard.press('Enter')
    await panel.getByText('language').waitFor()
    await panel.getByRole('button', { name: 'Take customer_number away' }).click()
    await panel.getByText('R-1').waitFor({ state: 'detached' })
    expect(server.people.get('con_1')?.attributes).toEqual({ language: 'en' })
    await panel.getByLabel('Phone, e-mail address or user id of the other contact').fill('+12125550123')
    await page.keyboard.press('Enter')
    await panel.getByRole('button', { name: 'Is the same person' }).click()
    await panel.getByRole('button', { name: 'Separate again' }).click()
    await panel.getByRole('button', { name: 'Separate again' }).waitFor({ state: 'detached' })
    expect(server.people.get('con_2')?.merged_into).toBeNull()
    server.changePerson('con_1', { name: 'Ada Lovelace' })
    await panel.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
    await page.getByRole('option', { name: /Ada Lovelace/ }).waitFor()
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'detached' })
  })

  test('erases a person only once the word is typed, shows the report, and has nothing of them left on the page', async () => {
    server.addMessage({ conversation_id: 'a', text: { body: 'my secret' } })
    await open()
    const other = await newPage()
    await open(other)
    await other.getByRole('textbox').fill('Dear Ada, as for your secret')
    await page.getByRole('button', { name: 'About this person' }).click()
    await page.getByRole('button', { name: 'Erase this person' }).click()
    const dialog = page.getByRole('dialog', { name: 'Erase Ada Byron?' })
    const last = dialog.getByRole('button', { name: 'Erase for good' })
    expect(await last.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('eras')
    await page.keyboard.press('Enter')
    expect(server.requests).not.toContain('DELETE /api/v1/contacts/con_1')
    await dialog.getByRole('textbox').fill('erase')
    await last.click()
    const report = page.getByRole('dialog', { name: 'Erased' })
    await report.getByText('Nothing of this person can be read any more').waitFor()
    await report.getByText('214 messages, 1 journal entry.').waitFor()
    await report.getByText('Journal in backups').waitFor()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('option', { name: 'Erased person' }).waitFor()
    // Nor on the screen of anybody else who had them there.
    await other.getByText('This person was erased: nobody can be written to here.').waitFor()
    await other.getByText('No messages yet.').waitFor()
    const contents = [await page.content(), await other.content(), await other.getByRole('textbox').inputValue()]
    for (const words of ['secret', 'Ada', '+4915112345678']) expect(contents.join()).not.toContain(words)
    await other.close()
    expect(server.requests).toContain('DELETE /api/v1/contacts/con_1')
  })

  test('names who writes in a group, and says that another application holds a thread', async () => {
    server.addConversation({ id: 'g', kind: 'group', group: { id: 'x', subject: 'Tour' }, contact: { id: 'con_g' } })
    for (const name of ['Ines', 'Hugo']) {
      const sender = { id: name, name }
      server.addMessage({ conversation_id: 'g', sender, text: { body: `${name} here` } })
    }
    server.addConversation({ id: 's', standby: true, contact: { id: 'con_s', name: 'Jonas' } })
    await open()
    await page.getByRole('option', { name: /Tour/ }).click()
    expect(await page.locator('.sender').allTextContents()).toEqual(['Ines', 'Hugo'])
    await page.getByRole('option', { name: /Jonas/ }).click()
    await page.getByRole('status').getByText('Another application holds this conversation').waitFor()
  })

  test('lets a reply take a conversation over from another application, once that is asked for', async () => {
    server.addConversation({ id: 's', standby: true, contact: { id: 'con_s', name: 'Jonas' } })
    server.addMessage({ conversation_id: 's', text: { body: 'Can I talk to a person?' } })
    await open()
    await page.getByRole('option', { name: /Jonas/ }).click()
    const field = page.getByRole('textbox', { name: 'Reply to Jonas' })
    await page.getByText('take it over to reply').waitFor()
    expect(await field.isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Take over' }).click()
    await page.getByText('Your reply takes this conversation over').waitFor()
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true)
    await page.getByRole('button', { name: 'Leave it there' }).click()
    expect(await field.isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Take over' }).click()
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/v1/messages'))
    await field.fill('Yes, I am here.')
    await page.keyboard.press('Enter')
    expect((await sent).postDataJSON()).toMatchObject({ to: 's', take_over: true, text: { body: 'Yes, I am here.' } })
    await page.getByRole('log').getByText('Yes, I am here.').waitFor()
  })
})
