import { expect, test } from 'bun:test'
import { tar } from './tar.ts'

test('what is packed is unpacked by the system as it was', async () => {
  const contents: [string, string][] = [
    ['folder/empty.txt', ''],
    ['folder/small.txt', 'small\n'],
    ['folder/block.txt', 'x'.repeat(512)],
    ['folder/large.txt', 'Zoë\n'.repeat(10_000)],
  ]
  const files = contents.map(([path, text]) => ({ path, content: new TextEncoder().encode(text) }))
  const archive = new Uint8Array(tar(files, 1_795_367_103_000))
  expect(archive.byteLength % 512).toBe(0)
  const run = async (...words: string[]) => {
    const child = Bun.spawn(['tar', ...words], { stdin: archive, stdout: 'pipe', stderr: 'pipe' })
    const [out, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    expect(`${complaints}${await child.exited}`).toBe('0')
    return out
  }
  expect((await run('-tf', '-')).trimEnd().split('\n')).toEqual(contents.map(([path]) => path))
  for (const [path, text] of contents) expect(await run('-xOf', '-', path)).toBe(text)
  expect(await run('-tvf', '-')).toContain('-rw------- 0/0')
})

test('a name that does not fit is refused', () => {
  expect(() => tar([{ path: 'x'.repeat(101), content: new Uint8Array() }], 0)).toThrow('at most 100')
})
