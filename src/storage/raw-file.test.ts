import { afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db } from './database.ts'
import { learnPages, lookAtPages } from './page-look.ts'
import { RawFile } from './raw-file.ts'
import { relieveLog, SummedLog } from './summed-log.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-raw-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Whether this process holds a lock on the file, as the kernel knows it. */
function isLocked(path: string): boolean {
  const place = `:${statSync(path).ino} `
  const own = ` ${process.pid} `
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .some((line) => line.includes(place) && line.includes(own))
}

test.skipIf(!existsSync('/proc/locks'))(
  'a database keeps its locks whatever is read past SQLite, so that nobody outside takes its log away (needs Linux)',
  () => {
    const path = join(folder, 'records.db')
    const database = new Db(path)
    const raw = new RawFile(path)
    const log = new SummedLog(database, path, { anew: false })
    database.script('CREATE TABLE messages (id INTEGER PRIMARY KEY, content)')
    log.begin()
    const all = { first: 1, count: 100 }
    const acts: [name: string, act: () => void][] = [
      [
        'a commit',
        () => database.transaction(() => database.run('INSERT INTO messages (content) VALUES (randomblob(9))')),
      ],
      ['what follows it', () => log.afterCommit()],
      ['a look', () => lookAtPages(database, path, all)],
      ['learning', () => learnPages(database, path, all)],
      ['a relieved log', () => relieveLog(path)],
      ['an emptied log', () => log.truncate()],
      ['a look after that', () => lookAtPages(database, path, all)],
    ]
    raw.number()
    for (const [name, act] of acts) {
      act()
      expect(`${name}: ${isLocked(path)}`).toBe(`${name}: true`)
    }
    log.close()
    database.close()
    raw.close()
  },
)
