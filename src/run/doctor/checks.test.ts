import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS, HOUR_MS } from '../../core/clock.ts'
import type { HouseFacts } from '../../gateway/house-facts.ts'
import { FakeClock } from '../../testing/fake-clock.ts'
import { checkBackups, checkCopiesPlace, checkDrill, checkShipping } from './backups.ts'
import { checkKeyPlace, checkNotes, checkProblems } from './configuration.ts'
import {
  checkAccounts,
  checkJournalTail,
  checkLedger,
  checkLostKeys,
  checkMark,
  checkMasterKey,
  checkPages,
  checkQuarantine,
  checkSqlite,
  checkSums,
  checkSynchronous,
} from './databases.ts'
import { checkFileSystem, checkForecast, checkLogs, checkQuota, checkSpace, checkSyncs, measureSyncs } from './disk.ts'
import { type Finding, lengthOf, sizeOf } from './finding.ts'
import { checkClock, checkLag, checkMemory, checkNumbers, checkOpenFiles, checkRunning, checkSearch } from './house.ts'
import { checkAppWebhook, checkLastWebhook, checkReachable, checkSubscription, checkToken } from './platform.ts'
import { checkCertificate } from './public-address.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-doctor-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const GB = 1e9
const MIB = 1024 * 1024
const NOW_MS = Date.UTC(2026, 10, 22, 9, 0, 0)

function facts(more: Partial<HouseFacts> = {}): HouseFacts {
  return {
    version: '1.0.0',
    checks: { serving: true, space: true },
    isClockTrusted: true,
    recordsAheadMs: 0,
    applyLagMs: 0,
    search: { behind: 0, isComplete: true },
    openFilesMax: 65_536,
    memoryBytesMax: 4 * GB,
    synchronous: { journal: 2, records: 2, vault: 2 },
    shipping: { lagMs: 200, fault: null },
    graphUrl: 'http://127.0.0.1:1',
    ...more,
  } as HouseFacts
}

const WHOLE = { vault: true, records: true }
const SUMS = { isKnown: true, pages: 9, looked: 9, unknown: 0, damaged: [] }
const TOKEN = { kind: 'found', isValid: true, appId: '1', expiresAt: 0, scopes: [], apartMs: 0 } as const
const NUMBER = { account: '106540352242922', alias: 'a' }
const WEBHOOK = { callbackUrl: 'https://chat.example.com/webhooks/whatsapp/main', isActive: true, fields: ['messages'] }
const FREE = () => false
const BACKUP = { everyMs: DAY_MS, lastSuccessAtMs: NOW_MS - HOUR_MS, lastFailure: null }
const CERTIFICATE = { kind: 'found', untilMs: NOW_MS + 60 * DAY_MS, isTrusted: true, reason: null } as const

/** Each check as it is well, and as it is not. */
const CASES: readonly [what: string, found: () => Finding | undefined, id: string, level: Finding['level']][] = [
  ['a right configuration', () => checkProblems([])[0], 'config', 'ok'],
  ['known variables', () => checkNotes([])[0], 'config.variables', 'ok'],
  ['a variable that does nothing', () => checkNotes(['a'])[0], 'config.variables', 'warn'],
  ['a wrong configuration', () => checkProblems(['a', 'b'])[1], 'config', 'fail'],
  ['a key outside the folder', () => checkKeyPlace('/etc/key', '/data', false), 'key.place', 'ok'],
  ['a key in a folder with the same beginning', () => checkKeyPlace('/data-key/k', '/data', false), 'key.place', 'ok'],
  ['a key inside the folder', () => checkKeyPlace('/data/key', '/data', false), 'key.place', 'warn'],
  ['no key', () => checkKeyPlace(undefined, '/data', false), 'key.place', 'fail'],
  ["the demo's key", () => checkKeyPlace(undefined, '/data', true), 'key.place', 'ok'],
  ['the right master key', () => checkMasterKey(null, WHOLE), 'key.opens', 'ok'],
  ['another master key', () => checkMasterKey('this is not the master key', WHOLE), 'key.opens', 'fail'],
  ['a damaged vault', () => checkMasterKey('it is damaged', WHOLE), 'key.opens', 'fail'],
  ['a folder without a vault', () => checkMasterKey(null, { vault: false, records: false }), 'key.opens', 'ok'],
  ['records without a vault', () => checkMasterKey(null, { vault: false, records: true }), 'key.opens', 'fail'],
  ['keys for everybody', () => checkLostKeys({ commits: 0, people: 0 }), 'key.whole', 'ok'],
  ['a vault that is older than the records', () => checkLostKeys({ commits: 2, people: 0 }), 'key.whole', 'fail'],
  ['people without a key', () => checkLostKeys({ commits: 0, people: 1 }), 'key.whole', 'fail'],
  ['credentials', () => checkAccounts(null), 'accounts', 'ok'],
  ['no credentials', () => checkAccounts('accounts.db is missing. Put it back'), 'accounts', 'fail'],
  ['a whole ledger', () => checkLedger(null), 'erasures.ledger', 'ok'],
  ['a damaged ledger', () => checkLedger('it is damaged'), 'erasures.ledger', 'fail'],

  ['room', () => checkSpace({ freeBytes: 50 * GB, totalBytes: 100 * GB }), 'disk.space', 'ok'],
  ['little room', () => checkSpace({ freeBytes: 9 * GB, totalBytes: 100 * GB }), 'disk.space', 'warn'],
  ['no room', () => checkSpace({ freeBytes: 200 * MIB, totalBytes: 100 * GB }), 'disk.space', 'fail'],
  ['no growth', () => checkForecast(null), 'disk.forecast', 'ok'],
  ['slow growth', () => checkForecast(90 * 86_400), 'disk.forecast', 'ok'],
  ['growth', () => checkForecast(10 * 86_400), 'disk.forecast', 'warn'],
  ['fast growth', () => checkForecast(3600), 'disk.forecast', 'fail'],
  ['no quota', () => checkQuota(9 * GB, null), 'disk.quota', 'ok'],
  ['a quota with room', () => checkQuota(8 * GB, 10 * GB), 'disk.quota', 'ok'],
  ['a quota nearly used up', () => checkQuota(8.6 * GB, 10 * GB), 'disk.quota', 'warn'],
  ['a quota that is used up', () => checkQuota(10 * GB, 10 * GB), 'disk.quota', 'fail'],
  ['ext4', () => checkFileSystem(0xef53), 'disk.file_system', 'ok'],
  ['an overlay', () => checkFileSystem(0x794c7630), 'disk.file_system', 'warn'],
  ['a file system of another kind', () => checkFileSystem(7), 'disk.file_system', 'warn'],
  ['NFS', () => checkFileSystem(0x6969), 'disk.file_system', 'fail'],
  ['a disk in memory', () => checkFileSystem(0x01021994), 'disk.file_system', 'fail'],
  ['small logs', () => checkLogs({ records: 9 * MIB, vault: 0 }), 'disk.wal', 'ok'],
  ['a log that grows', () => checkLogs({ records: 0, vault: 300 * MIB }), 'disk.wal', 'warn'],

  ['this SQLite', () => checkSqlite('3.51.3', [3, 51, 3]), 'sqlite.version', 'ok'],
  ['a newer SQLite', () => checkSqlite('3.60.0', [3, 51, 3]), 'sqlite.version', 'ok'],
  ['an old SQLite', () => checkSqlite('3.51.2', [3, 51, 3]), 'sqlite.version', 'fail'],
  ['an older SQLite', () => checkSqlite('3.9.9', [3, 51, 3]), 'sqlite.version', 'fail'],
  ['synced commits', () => checkSynchronous({ journal: 2, records: 2 }), 'sqlite.synchronous', 'ok'],
  ['loose commits', () => checkSynchronous({ journal: 1, records: 2 }), 'sqlite.synchronous', 'fail'],
  ['no connection to ask', () => checkSynchronous(undefined), 'sqlite.synchronous', 'ok'],
  ['whole records', () => checkMark('records', 7, 7), 'records.mark', 'ok'],
  ['a journal behind its mark', () => checkMark('journal', 8, 7), 'journal.mark', 'fail'],
  ['whole pages', () => checkPages('records', 'ok', true), 'records.pages', 'ok'],
  ['a whole sample', () => checkPages('records', 'ok', false), 'records.pages', 'ok'],
  ['pages as they were written', () => checkSums('records', SUMS, 0), 'records.sums', 'ok'],
  ['pages without sums', () => checkSums('records', { ...SUMS, isKnown: false }, 0), 'records.sums', 'ok'],
  ['a page that is another', () => checkSums('records', { ...SUMS, damaged: [7] }, 0), 'records.sums', 'fail'],
  ['one that the house has found', () => checkSums('records', SUMS, 1), 'records.sums', 'fail'],
  ['damaged pages', () => checkPages('records', 'SQLITE_CORRUPT', true), 'records.pages', 'fail'],
  ['a whole chain', () => checkJournalTail(null, 3), 'journal.chain', 'ok'],
  ['a broken chain', () => checkJournalTail('entry 7 does not open', 0), 'journal.chain', 'fail'],
  ['an empty quarantine', () => checkQuarantine(0, null, NOW_MS), 'quarantine', 'ok'],
  ['something set aside', () => checkQuarantine(1, NOW_MS - DAY_MS, NOW_MS), 'quarantine', 'warn'],
  ['something that is soon gone', () => checkQuarantine(2, NOW_MS - 25 * DAY_MS, NOW_MS), 'quarantine', 'fail'],

  ['a house that runs', () => checkRunning(facts(), '1.0.0', FREE), 'house', 'ok'],
  ['no house', () => checkRunning(undefined, '1.0.0', FREE), 'house', 'warn'],
  ['a folder that is in use', () => checkRunning(undefined, '1.0.0', () => true), 'house', 'warn'],
  [
    'a damaged lock',
    () =>
      checkRunning(undefined, '1.0.0', () => {
        throw Object.assign(new Error('lock.db is damaged'), { code: 'SQLITE_NOTADB' })
      }),
    'house',
    'fail',
  ],
  [
    'a lock that somebody else may not open',
    () =>
      checkRunning(undefined, '1.0.0', () => {
        throw Object.assign(new Error('no'), { code: 'SQLITE_CANTOPEN' })
      }),
    'house',
    'warn',
  ],
  ['another version', () => checkRunning(facts({ version: '0.9.0' }), '1.0.0', FREE), 'house', 'warn'],
  [
    'a house that takes nothing',
    () => checkRunning(facts({ checks: { space: false } }), '1.0.0', FREE),
    'house',
    'fail',
  ],
  ['a right clock', () => checkClock(facts(), 1000), 'clock', 'ok'],
  ['nobody to ask for the time', () => checkClock(undefined, null), 'clock', 'ok'],
  ['a clock that is not confirmed', () => checkClock(facts({ isClockTrusted: false }), null), 'clock', 'warn'],
  ['a clock that is ahead', () => checkClock(facts(), 60_000), 'clock', 'warn'],
  ['a wrong clock', () => checkClock(undefined, -HOUR_MS), 'clock', 'fail'],
  ['a clock that was set back', () => checkClock(facts({ recordsAheadMs: HOUR_MS }), 0), 'clock', 'warn'],
  ['a clock that was set back far', () => checkClock(facts({ recordsAheadMs: 9 * DAY_MS }), 0), 'clock', 'fail'],
  ['no lag', () => checkLag(facts({ applyLagMs: 100 }), 0), 'apply.lag', 'ok'],
  ['entries for the next start', () => checkLag(undefined, 5), 'apply.lag', 'ok'],
  ['a lag', () => checkLag(facts({ applyLagMs: 5000 }), 0), 'apply.lag', 'warn'],
  ['a long lag', () => checkLag(facts({ applyLagMs: 120_000 }), 0), 'apply.lag', 'fail'],
  ['a whole index', () => checkSearch(facts()), 'search.behind', 'ok'],
  ['no index to ask for', () => checkSearch(undefined), 'search.behind', 'ok'],
  [
    'an index behind',
    () => checkSearch(facts({ search: { behind: 20_000, isComplete: true } })),
    'search.behind',
    'warn',
  ],
  [
    'an index in the making',
    () => checkSearch(facts({ search: { behind: 1, isComplete: false } })),
    'search.behind',
    'warn',
  ],
  ['many files', () => checkOpenFiles(65_536), 'limits.open_files', 'ok'],
  ['a system that does not say', () => checkOpenFiles(null), 'limits.open_files', 'ok'],
  ['few files', () => checkOpenFiles(1024), 'limits.open_files', 'warn'],
  ['hardly any files', () => checkOpenFiles(256), 'limits.open_files', 'fail'],
  ['much memory', () => checkMemory(facts()), 'limits.memory', 'ok'],
  ['no house to ask for its memory', () => checkMemory(undefined), 'limits.memory', 'ok'],
  ['little memory', () => checkMemory(facts({ memoryBytesMax: 400 * MIB })), 'limits.memory', 'warn'],
  ['hardly any memory', () => checkMemory(facts({ memoryBytesMax: 128 * MIB })), 'limits.memory', 'fail'],
  ['active numbers', () => checkNumbers([{ ...NUMBER, state: 'active', reason: null }])[0], 'numbers', 'ok'],
  ['a paused number', () => checkNumbers([{ ...NUMBER, state: 'paused', reason: 'x' }])[0], 'numbers', 'fail'],
  ['an undeclared number', () => checkNumbers([{ ...NUMBER, state: 'unclaimed', reason: null }])[0], 'numbers', 'warn'],
  [
    'a number with a refused token',
    () => checkNumbers([{ ...NUMBER, state: 'paused', reason: '190 token_invalid' }])[0],
    'numbers',
    'fail',
  ],
  [
    'a number that somebody has paused',
    () => checkNumbers([{ ...NUMBER, state: 'paused', reason: 'operator' }])[0],
    'numbers',
    'warn',
  ],
  [
    'a number that was taken out',
    () => checkNumbers([{ ...NUMBER, state: 'paused', reason: 'not_configured' }])[0],
    'numbers',
    'warn',
  ],
  ['no number', () => checkNumbers([])[0], 'numbers', 'warn'],

  ['a fresh backup', () => checkBackups(BACKUP, NOW_MS), 'backup', 'ok'],
  ['no backup yet', () => checkBackups({ ...BACKUP, lastSuccessAtMs: null }, NOW_MS), 'backup', 'warn'],
  [
    'a first one that failed',
    () => checkBackups({ ...BACKUP, lastSuccessAtMs: null, lastFailure: { atMs: 1, reason: 'x' } }, NOW_MS),
    'backup',
    'fail',
  ],
  [
    'no backup at all',
    () => checkBackups({ ...BACKUP, lastSuccessAtMs: null, everyMs: null }, NOW_MS),
    'backup',
    'warn',
  ],
  ['an old backup', () => checkBackups({ ...BACKUP, lastSuccessAtMs: NOW_MS - 2 * DAY_MS }, NOW_MS), 'backup', 'warn'],
  ['a very old one', () => checkBackups({ ...BACKUP, lastSuccessAtMs: NOW_MS - 9 * DAY_MS }, NOW_MS), 'backup', 'fail'],
  [
    'a weekly one after six days',
    () => checkBackups({ ...BACKUP, everyMs: 7 * DAY_MS, lastSuccessAtMs: NOW_MS - 6 * DAY_MS }, NOW_MS),
    'backup',
    'ok',
  ],
  [
    'a weekly one after three weeks',
    () => checkBackups({ ...BACKUP, everyMs: 7 * DAY_MS, lastSuccessAtMs: NOW_MS - 21 * DAY_MS }, NOW_MS),
    'backup',
    'fail',
  ],
  [
    'an hourly one after four hours',
    () => checkBackups({ ...BACKUP, everyMs: HOUR_MS, lastSuccessAtMs: NOW_MS - 4 * HOUR_MS }, NOW_MS),
    'backup',
    'warn',
  ],
  [
    'an hourly one after a day',
    () => checkBackups({ ...BACKUP, everyMs: HOUR_MS, lastSuccessAtMs: NOW_MS - DAY_MS }, NOW_MS),
    'backup',
    'fail',
  ],
  [
    'a failed one',
    () => checkBackups({ ...BACKUP, lastFailure: { atMs: NOW_MS, reason: 'x' } }, NOW_MS),
    'backup',
    'warn',
  ],
  [
    'one that failed before',
    () => checkBackups({ ...BACKUP, lastFailure: { atMs: 1, reason: 'x' } }, NOW_MS),
    'backup',
    'ok',
  ],
  [
    'a good drill',
    () => checkDrill({ atMs: NOW_MS - DAY_MS, isGood: true, reason: null }, NOW_MS),
    'backup.drill',
    'ok',
  ],
  [
    'an old drill',
    () => checkDrill({ atMs: NOW_MS - 9 * DAY_MS, isGood: true, reason: null }, NOW_MS),
    'backup.drill',
    'warn',
  ],
  ['a failed drill', () => checkDrill({ atMs: NOW_MS, isGood: false, reason: 'x' }, NOW_MS), 'backup.drill', 'fail'],
  ['copies elsewhere', () => checkCopiesPlace([]), 'backup.place', 'ok'],
  ['copies on the same disk', () => checkCopiesPlace(['folder', 'ship_folder']), 'backup.place', 'warn'],
  ['no second place', () => checkShipping(facts({ shipping: null }), false), 'journal.second_place', 'ok'],
  ['no house that ships', () => checkShipping(undefined, true), 'journal.second_place', 'ok'],
  ['a second place', () => checkShipping(facts(), true), 'journal.second_place', 'ok'],
  [
    'a second place that cannot be written to',
    () => checkShipping(facts({ shipping: { lagMs: 0, fault: 'EROFS' } }), true),
    'journal.second_place',
    'warn',
  ],
  [
    'a second place of another house',
    () => checkShipping(facts({ shipping: { lagMs: 0, fault: 'another_house' } }), true),
    'journal.second_place',
    'fail',
  ],
  [
    'a second place that waits for a reload',
    () => checkShipping(facts({ shipping: null }), true),
    'journal.second_place',
    'warn',
  ],
  [
    'a second place far behind',
    () => checkShipping(facts({ shipping: { lagMs: 7_200_000, fault: null } }), true),
    'journal.second_place',
    'fail',
  ],
  ['no drill', () => checkDrill(null, NOW_MS), 'backup.drill', 'warn'],

  ['a platform that answers', () => checkReachable('main', TOKEN), 'platform', 'ok'],
  ['no platform', () => checkReachable('main', { kind: 'unreachable', reason: 'x' }), 'platform', 'warn'],
  ['a token for ever', () => checkToken('main', TOKEN, NOW_MS)[0], 'token', 'ok'],
  [
    'a token for months',
    () => checkToken('main', { ...TOKEN, expiresAt: NOW_MS / 1000 + 5e6 }, NOW_MS)[0],
    'token',
    'ok',
  ],
  [
    'a token for days',
    () => checkToken('main', { ...TOKEN, expiresAt: NOW_MS / 1000 + 5e5 }, NOW_MS)[0],
    'token',
    'warn',
  ],
  [
    'a token for hours',
    () => checkToken('main', { ...TOKEN, expiresAt: NOW_MS / 1000 + 5e3 }, NOW_MS)[0],
    'token',
    'fail',
  ],
  [
    'a token that may not ask',
    () => checkToken('main', { kind: 'untold', reason: 'code 100', apartMs: 0 }, NOW_MS)[0],
    'token',
    'warn',
  ],
  [
    'a token that has expired',
    () => checkToken('main', { ...TOKEN, expiresAt: NOW_MS / 1000 - 1 }, NOW_MS)[0],
    'token',
    'fail',
  ],
  ['a token that is refused', () => checkToken('main', { kind: 'refused', apartMs: 0 }, NOW_MS)[0], 'token', 'fail'],
  ['a token that is not valid', () => checkToken('main', { ...TOKEN, isValid: false }, NOW_MS)[0], 'token', 'fail'],
  [
    'a token that sends only',
    () => checkToken('main', { ...TOKEN, scopes: ['whatsapp_business_messaging'] }, NOW_MS)[1],
    'token.scopes',
    'warn',
  ],
  [
    'a token that does not send',
    () => checkToken('main', { ...TOKEN, scopes: ['email'] }, NOW_MS)[1],
    'token.scopes',
    'fail',
  ],
  ['a subscription', () => checkSubscription('1', { kind: 'found', appIds: ['1'] }, '1'), 'subscription', 'ok'],
  [
    'a subscription of somebody',
    () => checkSubscription('1', { kind: 'found', appIds: ['1'] }, null),
    'subscription',
    'ok',
  ],
  ['no subscription', () => checkSubscription('1', { kind: 'found', appIds: [] }, '1'), 'subscription', 'fail'],
  [
    'the subscription of another',
    () => checkSubscription('1', { kind: 'found', appIds: ['2'] }, '1'),
    'subscription',
    'fail',
  ],
  ['a secret subscription', () => checkSubscription('1', { kind: 'refused' }, '1'), 'subscription', 'warn'],
  ['nobody to ask', () => checkSubscription('1', { kind: 'unreachable', reason: 'x' }, '1'), 'subscription', 'warn'],
  ['an active webhook', () => checkAppWebhook('main', WEBHOOK, WEBHOOK.callbackUrl), 'subscription.fields', 'ok'],
  ['no webhook', () => checkAppWebhook('main', null, null), 'subscription.fields', 'warn'],
  [
    'a webhook that was switched off',
    () => checkAppWebhook('main', { ...WEBHOOK, isActive: false }, null),
    'subscription.fields',
    'fail',
  ],
  [
    'a webhook without messages',
    () => checkAppWebhook('main', { ...WEBHOOK, fields: ['flows'] }, null),
    'subscription.fields',
    'fail',
  ],
  [
    'a webhook to elsewhere',
    () => checkAppWebhook('main', WEBHOOK, 'https://other.example.com/webhooks/whatsapp/main'),
    'subscription.fields',
    'warn',
  ],
  ['a webhook just now', () => checkLastWebhook('main', NOW_MS - 1000, NOW_MS), 'webhooks.last', 'ok'],
  ['a webhook long ago', () => checkLastWebhook('main', NOW_MS - 4 * DAY_MS, NOW_MS), 'webhooks.last', 'warn'],
  ['no webhook', () => checkLastWebhook('main', null, NOW_MS), 'webhooks.last', 'warn'],

  ['a good certificate', () => checkCertificate(CERTIFICATE, NOW_MS), 'public_url.certificate', 'ok'],
  [
    'one that ends in days',
    () => checkCertificate({ ...CERTIFICATE, untilMs: NOW_MS + 9 * DAY_MS }, NOW_MS),
    'public_url.certificate',
    'warn',
  ],
  [
    'one that ends tomorrow',
    () => checkCertificate({ ...CERTIFICATE, untilMs: NOW_MS + DAY_MS }, NOW_MS),
    'public_url.certificate',
    'fail',
  ],
  [
    'one that has ended',
    () => checkCertificate({ ...CERTIFICATE, untilMs: NOW_MS - 1 }, NOW_MS),
    'public_url.certificate',
    'fail',
  ],
  [
    'one without a date',
    () => checkCertificate({ ...CERTIFICATE, untilMs: Number.NaN }, NOW_MS),
    'public_url.certificate',
    'fail',
  ],
  [
    'one that nobody trusts',
    () => checkCertificate({ ...CERTIFICATE, isTrusted: false }, NOW_MS),
    'public_url.certificate',
    'warn',
  ],
  [
    'no certificate',
    () => checkCertificate({ kind: 'unreachable', reason: 'x' }, NOW_MS),
    'public_url.certificate',
    'warn',
  ],
]

describe('each check', () => {
  test.each(CASES)('%s', (_, found, id, level) => {
    const finding = found()
    expect(finding).toMatchObject({ id, level })
    expect(finding?.what).not.toBe('')
    // What is well needs nothing; everything else says what to do.
    if (level === 'ok') expect(finding?.remedy).toBeNull()
    else expect(finding?.remedy?.length).toBeGreaterThan(5)
  })

  test('every kind of finding has been tried as it is well and as it is not', () => {
    for (const id of new Set(CASES.map(([, , each]) => each)).difference(new Set(['token.scopes', 'journal.mark']))) {
      const levels = new Set(CASES.filter(([, , each]) => each === id).map(([, , , level]) => level))
      expect([id, levels.has('ok'), levels.size > 1 || id === 'records.mark']).toEqual([id, true, true])
    }
    expect(
      checkToken('main', { ...TOKEN, scopes: ['whatsapp_business_messaging', 'whatsapp_business_management'] }, 0),
    ).toHaveLength(1)
  })
})

describe('the sync', () => {
  test.each([
    [[1, 2, 3], 'ok'],
    [[0.01, 0.02, 5], 'warn'],
    [[30, 31, 32], 'warn'],
  ] as const)('of %p ms is %s', async (times, level) => {
    expect(await checkSyncs(async () => times)).toMatchObject({ id: 'disk.sync', level })
  })

  test('is really measured, twenty times, and leaves nothing behind', async () => {
    expect(await measureSyncs(folder, new FakeClock())).toHaveLength(20)
    expect(await checkSyncs(() => measureSyncs(join(folder, 'missing'), new FakeClock()))).toMatchObject({
      level: 'warn',
      what: 'The disk could not be measured: ENOENT',
    })
  })
})

test('lengths and sizes are said in words', () => {
  expect([1, 59, 60, 7200, 86_400, 1e6].map(lengthOf)).toEqual([
    '1 second',
    '59 seconds',
    '1 minute',
    '2 hours',
    '1 day',
    '11 days',
  ])
  expect([1e5, 2.5e6, 3e8, 1.5e9].map(sizeOf)).toEqual(['0.1 MB', '2.5 MB', '300 MB', '1.5 GB'])
})
