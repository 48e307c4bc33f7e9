import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { FAST_NUMBER, SLOW_NUMBER, sign, TEST_SECRETS, TestGateway, testConfigText, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeEach(async () => {
  house = await TestGateway.open()
})
afterEach(async () => {
  await house.close()
})

let people = 0

/** The configuration with one text in another's place, which has to be there. */
function textWith(...changes: readonly [from: string, to: string][]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The configuration does not say ${from}`)
    return text.replaceAll(from, to)
  }, testConfigText())
}

/** A block of a list, from its head to the next. */
function withoutBlock(text: string, marker: string): string {
  const blocks = text.split(/(?=^\[)/m)
  return blocks.filter((block) => !block.includes(marker)).join('')
}

async function reloadTo(text: string) {
  house.configText = text
  return await house.reload()
}

function webhookBody(): string {
  people += 1
  const phone = `1555070${1000 + people}`
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
    contacts: [{ profile: { name: 'Ada' }, wa_id: phone }],
    messages: [{ from: phone, id: `wamid.r${people}`, timestamp: '1795338600', type: 'text', text: { body: 'hi' } }],
  }
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }],
  })
}

async function openConversation(more: object = {}): Promise<string> {
  people += 1
  const phone = `+1555071${1000 + people}`
  await house.write(phone, 'Good morning', more)
  return (await house.conversationOf(phone)).id
}

async function queue(to: string, body: string, more: object = {}): Promise<string> {
  const answer = await house.api('/api/v1/messages', { to, type: 'text', text: { body }, deadline_ms: 60_000, ...more })
  expect(answer.status).toBe(202)
  return answer.body.id
}

async function numberNamed(alias: string) {
  const { body } = await house.api('/api/v1/numbers')
  return body.items.find((number: { alias: string }) => number.alias === alias)
}

describe('a changed configuration', () => {
  test('is taken over while the house runs, and what changed is told by its names', async () => {
    const report = await reloadTo(
      textWith(
        ['access_token = "another-access-token"', 'access_token = "a-newer-token"'],
        ['pool = "slow"', 'pool = "new"'],
      )
        .replace('messages_per_second = 80', 'messages_per_second = 40')
        .concat('[http]\norigins = ["https://desk.example"]\n[limits]\nwebhook_body_bytes_max = 65536\n'),
    )
    expect(report).toEqual({
      outcome: 'changed',
      changed: [
        'http.origins',
        'limits.webhook_body_bytes_max',
        'whatsapp.app[other].access_token',
        `whatsapp.number[${SLOW_NUMBER}].pool`,
        `whatsapp.number[${SLOW_NUMBER}].messages_per_second`,
      ],
      needs_restart: [],
      problems: [],
    })
    expect(await numberNamed('slow')).toMatchObject({ pool: 'new', messages_per_second: 40, state: 'active' })
    const large = `{"pad":"${'x'.repeat(70_000)}"}`
    expect((await house.webhook(large)).status).toBe(413)
    expect((await house.webhook(webhookBody())).status).toBe(200)
    expect(await house.metric('gatehouse_config_reloads_total{outcome="changed"}')).toBe(1)
    expect(await house.metric('gatehouse_config_last_reload_successful')).toBe(1)
    for (const line of house.lines) expect(line).not.toContain('a-newer-token')
  })

  test('that is wrong changes nothing, is told with every problem, and is right again later', async () => {
    const wrong = await reloadTo(textWith(['pool = "support"', 'pool = 7'], [TEST_SECRETS.appSecret, '']))
    expect(wrong).toMatchObject({ outcome: 'refused', changed: [] })
    expect(wrong.problems.join('\n')).toContain('whatsapp.number[0].pool')
    expect(wrong.problems.join('\n')).toContain('whatsapp.app[0].app_secret')
    expect(await reloadTo('[http\nport = ')).toMatchObject({ outcome: 'refused' })
    expect((await house.webhook(webhookBody())).status).toBe(200)
    expect((await numberNamed('support')).pool).toBe('support')
    expect(house.lines.some((line) => line.includes('configuration not taken over'))).toBe(true)
    expect(await house.metric('gatehouse_config_last_reload_successful')).toBe(0)
    expect(await house.metric('gatehouse_config_reloads_total{outcome="refused"}')).toBe(2)
    expect(await reloadTo(testConfigText())).toMatchObject({ outcome: 'unchanged', changed: [] })
  })

  test('names what needs a restart, each time, and takes over the rest', async () => {
    const text = `graph_url = "https://example.com"\nlog_level = "warn"\n${testConfigText()}`
    const first = await reloadTo(text)
    expect(first).toMatchObject({ outcome: 'changed', needs_restart: ['graph_url'] })
    expect(first.changed).toEqual(['graph_url', 'log_level'])
    expect(await house.reload()).toMatchObject({ outcome: 'unchanged', needs_restart: ['graph_url'] })
    expect((await reloadTo('')).problems).toEqual([
      'The first app, or none any more, makes another house of it: restart it',
    ])
  })

  test('with a quota and a place for backups goes by them, without a restart', async () => {
    expect(await house.metric('gatehouse_quota_used_ratio')).toBe(0)
    const places = `[backup]\nfolder = "${house.folder}/copies"\nvault_folder = "${house.folder}/copies-of-keys"\n`
    const report = await reloadTo(`${testConfigText()}\n[storage]\nquota_gb = 1\n${places}`)
    expect(report).toMatchObject({ outcome: 'changed', needs_restart: [] })
    expect(report.changed).toEqual(['backup.folder', 'backup.vault_folder', 'storage.quota_gb'])
    await until('the quota is looked at', async () => (await house.metric('gatehouse_quota_used_ratio')) > 0)
    const socket = join(house.folder, 'data', 'control.sock')
    const taken = await fetch('http://house/backup', { method: 'POST', body: '{}', unix: socket })
    expect(await taken.text()).toContain('"name"')
    expect(readdirSync(join(house.folder, 'copies')).length).toBeGreaterThan(0)
  })

  test('with a new app and number takes webhooks for them at once', async () => {
    const text = `${testConfigText()}
[[whatsapp.app]]
id = "third"
app_secret = "third-secret"
verify_token = "third-verify"
access_token = "third-access"
portfolio = "acme"
[[whatsapp.number]]
phone_number_id = "106540352242999"
app = "third"
alias = "third"
`
    expect((await house.webhook('{}', { app: 'third' })).status).toBe(404)
    expect((await reloadTo(text)).changed).toEqual([
      'whatsapp.app[third] (added)',
      'whatsapp.number[106540352242999] (added)',
    ])
    const body = webhookBody().replaceAll(FAST_NUMBER, '106540352242999')
    expect((await house.webhook(body, { app: 'third', signature: sign(body, 'third-secret') })).status).toBe(200)
    expect(await numberNamed('third')).toMatchObject({ app: 'third', state: 'active', portfolio: 'acme' })
    const said = async () => (await (await fetch(`${house.url}/metrics`)).text()).includes('_seconds{app="third"}')
    await until('when it was last heard of', said)
    // An app that is gone is never heard of again, and nobody is to be woken for that.
    await reloadTo(testConfigText())
    await until('nothing of it is said any more', async () => !(await said()))
  })
})

describe('a number that is not configured any more', () => {
  test('keeps what it has said and sends nothing, until it is declared again', async () => {
    await reloadTo(textWith(['messages_per_second = 1000', 'messages_per_second = 1']))
    const id = await openConversation()
    const texts = ['One', 'Two', 'Three', 'Four', 'Five']
    const messages = []
    for (const text of texts) messages.push(await queue(id, text))
    const last = messages.at(-1) ?? ''
    const without = withoutBlock(testConfigText(), `"${FAST_NUMBER}"`)
    expect((await reloadTo(without)).changed).toEqual([`whatsapp.number[${FAST_NUMBER}] (removed)`])
    expect(await numberNamed('support')).toMatchObject({ state: 'paused', reason: 'not_configured' })
    const refused = await house.api('/api/v1/messages', { to: id, type: 'text', text: { body: 'no' } })
    expect(refused).toMatchObject({ status: 422, body: { code: 'number_paused', reason: 'not_configured' } })
    expect((await house.api(`/api/v1/messages/${last}`)).body.state).toBe('queued')
    await house.restart()
    expect(await numberNamed('support')).toMatchObject({ state: 'paused', reason: 'not_configured' })
    expect(await house.sendsOf('Five')).toEqual([])
    await reloadTo(testConfigText())
    for (const message of messages) await house.messageIn('read', message)
    for (const text of texts) expect(await house.sendsOf(text)).toHaveLength(1)
  })
})

describe('an access token that the platform refuses', () => {
  test('fails no message: its numbers are paused, and the next token sends what waits', async () => {
    const [id, other] = [await openConversation(), await openConversation({ number: 'slow' })]
    await house.simulator('/_/secrets', { access_token: 'the-next-token' }, 'PATCH')
    const message = await queue(id, 'With another token')
    const paused = await until('the numbers are paused', async () => {
      const { body } = await house.api('/api/v1/numbers')
      return body.items.every(({ state }: { state: string }) => state === 'paused') ? body.items : undefined
    })
    for (const number of paused) expect(number.reason).toBe('190 token_invalid')
    expect((await house.api(`/api/v1/messages/${message}`)).body).toMatchObject({
      state: 'queued',
      reason: 'token_invalid',
    })
    expect((await house.api('/api/v1/messages', { to: other, type: 'text', text: { body: 'no' } })).status).toBe(422)
    await reloadTo(textWith([TEST_SECRETS.accessToken, 'the-next-token']))
    await house.messageIn('read', message)
    expect(await house.sendsOf('With another token')).toHaveLength(1)
    expect((await numberNamed('slow')).state).toBe('active')
  })
})

describe('secrets that change at both ends under traffic', () => {
  test('refuse no webhook and lose no send', async () => {
    let isOver = false
    const texts: string[] = []
    const sent: string[] = []
    const traffic = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const to = await openConversation()
        const body = `to ${to}`
        // While the numbers are paused whoever sends is told so, and comes again.
        const answer = await house.api('/api/v1/messages', { to, type: 'text', text: { body }, deadline_ms: 60_000 })
        if (answer.status !== 202) continue
        texts.push(body)
        sent.push(answer.body.id)
      }
    })
    let [secret, token] = [TEST_SECRETS.appSecret, TEST_SECRETS.accessToken]
    for (let round = 1; round <= 2; round++) {
      const [nextSecret, nextToken] = [`app-secret-of-round-${round}`, `token-of-round-${round}`]
      const before = sent.length
      await until('traffic', () => sent.length > before + 5)
      // The order of an operator: first both secrets are believed, then the platform signs with the new one.
      await reloadTo(
        textWith(
          [TEST_SECRETS.previousSecret, secret],
          [`app_secret = "${TEST_SECRETS.appSecret}"`, `app_secret = "${nextSecret}"`],
          [TEST_SECRETS.accessToken, token],
        ),
      )
      await house.simulator('/_/secrets', { app_secret: nextSecret }, 'PATCH')
      // The token dies at the platform before anybody here knows the next one.
      await house.simulator('/_/secrets', { access_token: nextToken }, 'PATCH')
      const paused = await until('the token is refused', async () => (await numberNamed('support')).state === 'paused')
      expect(paused).toBe(true)
      await reloadTo(
        textWith(
          [TEST_SECRETS.previousSecret, secret],
          [`app_secret = "${TEST_SECRETS.appSecret}"`, `app_secret = "${nextSecret}"`],
          [TEST_SECRETS.accessToken, nextToken],
        ),
      )
      ;[secret, token] = [nextSecret, nextToken]
    }
    isOver = true
    await Promise.all(traffic)
    for (const id of sent) await house.messageIn('read', id)
    for (const outcome of ['bad_signature', 'unavailable', 'failed', 'unknown_app']) {
      expect(await house.metric(`gatehouse_webhooks_total{outcome="${outcome}"}`)).toBe(0)
    }
    for (const text of texts) expect(await house.sendsOf(text)).toHaveLength(1)
    expect(texts.length).toBeGreaterThan(12)
    expect(house.fatal).toEqual([])
    for (const line of house.lines) expect(line).not.toMatch(/app-secret-of-round|token-of-round/)
  }, 40_000)
})

describe('the operator’s token', () => {
  test('holds while it is in the configuration', async () => {
    const me = async (token: string) =>
      (await house.request('/api/v1/me', { headers: { Authorization: `Bearer ${token}` } })).status
    expect(await me('operators-token-1')).toBe(401)
    expect((await reloadTo(`bootstrap_token = "operators-token-1"\n${testConfigText()}`)).changed).toEqual([
      'bootstrap_token',
    ])
    expect(await me('operators-token-1')).toBe(200)
    await reloadTo(`bootstrap_token = "operators-token-2"\n${testConfigText()}`)
    expect([await me('operators-token-1'), await me('operators-token-2')]).toEqual([401, 200])
  })
})
