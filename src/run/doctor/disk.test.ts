import { expect, test } from 'bun:test'
import { readSpace } from '../../storage/space.ts'
import { checkSpace } from './disk.ts'

const ROOM = { freeBytes: 50e9, totalBytes: 100e9 }

test.each([
  [undefined, 'ok', '50.0 GB of 100.0 GB are free'],
  [10_000, 'ok', '50.0 GB of 100.0 GB are free'],
  [9_999, 'warn', '50.0 GB of 100.0 GB are free, but only 9999 more files may be made'],
  [0, 'fail', '50.0 GB of 100.0 GB are free, but only 0 more files may be made'],
])('a disk on which %p files more may be made is %s', (freeFiles, level, what) => {
  const found = checkSpace(freeFiles === undefined ? ROOM : { ...ROOM, freeFiles })
  expect(found).toMatchObject({ id: 'disk.space', level, what })
})

test('how many files more may be made is asked of the file system', async () => {
  const { freeFiles } = await readSpace(import.meta.dir)
  expect(freeFiles === undefined || freeFiles > 0).toBeTrue()
})
