import { describe, expect, test } from 'bun:test'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { Actor } from '../core/principal.ts'
import { noteAudit } from '../records/audit-acts.ts'
import { AuditReader, type AuditRoot } from '../records/audit-reader.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestBook } from '../testing/open-test-book.ts'
import { AUDIT_ROOTS_FILE, readRoots } from './audit-roots.ts'
import { AUDIT_SIGNATURE_KEY, RootSigner } from './audit-signature.ts'
import { AuditWatch } from './audit-watch.ts'

const PERSON: Actor = { id: 'person', by: 'session', workspaceId: 1, personId: 9 }

function watched() {
  const clock = new FakeClock()
  const book = new TestBook(clock)
  const said: { ok: boolean[]; roots: object[] } = { ok: [], roots: [] }
  const open = () =>
    new AuditWatch({
      clock,
      log: { ...silentLog, info: (phrase, fields) => void (phrase === 'audit root' && said.roots.push(fields ?? {})) },
      reader: new AuditReader(book.database, () => book.vault),
      vault: () => book.vault,
      dataDir: book.folder,
      giveWay: async () => {},
      chainIs: (ok) => void said.ok.push(ok),
    })
  const note = async (watch?: AuditWatch) => {
    const before = book.wakes.length
    await book.ask(noteAudit, { notes: [{ by: PERSON, action: 'contact.list', object: null, outcome: 'done' }] })
    watch?.hear(book.wakes.slice(before))
  }
  return { clock, book, said, open, note, path: join(book.folder, AUDIT_ROOTS_FILE) }
}

describe('AuditWatch', () => {
  test('keeps the root of a day with the first row of the next, in the file and in the log', async () => {
    const { clock, book, said, open, note, path } = watched()
    const watch = open()
    watch.start()
    await note(watch)
    await note(watch)
    expect(readRoots(path)).toEqual([])
    clock.advance(DAY_MS)
    await note(watch)
    await note(watch)
    const [root] = readRoots(path)
    expect(readRoots(path)).toMatchObject([{ seq: 2 }])
    const { signature, ...logged } = root ?? {}
    expect(said.roots).toEqual([logged])
    const signer = new RootSigner(book.vault.namedKey(AUDIT_SIGNATURE_KEY))
    expect(signature).toBe(signer.signed(logged as AuditRoot).signature)
    clock.advance(3 * DAY_MS)
    await note(watch)
    expect(readRoots(path).map(({ seq }) => seq)).toEqual([2, 4])
    await watch.stop()
    book.close()
  })

  test('writes at its start what it missed, each root once', async () => {
    const { clock, book, open, note, path } = watched()
    for (let day = 0; day < 3; day++) {
      await note()
      clock.advance(DAY_MS)
    }
    for (let start = 0; start < 2; start++) {
      const watch = open()
      watch.start()
      await watch.stop()
    }
    expect(readRoots(path).map(({ seq }) => seq)).toEqual([1, 2, 3])
    book.close()
  })

  test('says when the newest rows are not what they were', async () => {
    const { clock, book, said, open, note } = watched()
    await note()
    const watch = open()
    watch.start()
    clock.advance(1)
    await watch.stop()
    expect(said.ok).toEqual([true])
    book.database.script('DROP TRIGGER audit_rows_stay')
    book.database.run('DELETE FROM audit WHERE seq = 1 AND workspace_id > 0')
    const other = open()
    other.start()
    clock.advance(1)
    await other.stop()
    expect(said.ok).toEqual([true, false])
    book.close()
  })
})

describe('readRoots()', () => {
  test('leaves out a line that a stop cut off, which is then written again', async () => {
    const { clock, book, open, note, path } = watched()
    await note()
    clock.advance(DAY_MS)
    writeFileSync(path, '{"day":"2026-11-')
    expect(readRoots(path)).toEqual([])
    const watch = open()
    watch.start()
    await watch.stop()
    expect(readRoots(path)).toMatchObject([{ seq: 1 }])
    appendFileSync(path, 'no root\n')
    expect(() => readRoots(path)).toThrow('Line 2')
    book.close()
  })
})
