import { describe, expect, test } from 'bun:test'
import { Problem } from './api.ts'
import { FileShelf } from './file-shelf.ts'

function openShelf(answer: (path: string) => Promise<Blob> = async () => new Blob(['bytes'])) {
  const asked: string[] = []
  const urls = new Set<string>()
  let refused = 0
  let count = 0
  const shelf = new FileShelf({
    api: {
      file: (path) => {
        asked.push(path)
        return answer(path)
      },
    },
    makeUrl: () => {
      const url = `blob:${count++}`
      urls.add(url)
      return url
    },
    dropUrl: (url) => void urls.delete(url),
    onRefused: () => {
      refused += 1
    },
  })
  return { shelf, asked, urls, refusals: () => refused }
}

const soon = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(resolve))))

describe('FileShelf', () => {
  test('fetches a file once for all who want it, and tells when it is there', async () => {
    const { shelf, asked } = openShelf()
    let told = 0
    shelf.subscribe(() => {
      told += 1
    })
    shelf.want('/a')
    shelf.want('/a')
    expect(shelf.look('/a')).toMatchObject({ url: null, problem: null })
    await soon()
    expect(asked).toEqual(['/a'])
    expect(shelf.look('/a').url).toBe('blob:0')
    expect(told).toBe(1)
  })

  test('keeps what is wanted, and a bounded number of what is not', async () => {
    const { shelf, urls, asked } = openShelf()
    shelf.want('/kept')
    const releases = Array.from({ length: 100 }, (_, index) => shelf.want(`/spare/${index}`))
    await soon()
    expect(urls.size).toBe(101)
    for (const release of releases) release()
    expect(urls.size).toBe(61)
    expect(shelf.look('/kept').url).not.toBeNull()
    // Those that were wanted first went first.
    expect(shelf.look('/spare/0').url).toBeNull()
    expect(shelf.look('/spare/99').url).not.toBeNull()
    shelf.want('/spare/0')
    await soon()
    expect(asked.filter((path) => path === '/spare/0')).toHaveLength(2)
  })

  test('says why a file could not be had, and tries again when it is wanted again', async () => {
    let fails = true
    const { shelf } = openShelf(async () => {
      if (fails) throw new Problem('not_found', 404, 'That is no longer there.')
      return new Blob(['bytes'])
    })
    shelf.want('/a')()
    await soon()
    expect(shelf.look('/a')).toMatchObject({ url: null, problem: 'That is no longer there.' })
    fails = false
    shelf.want('/a')
    await soon()
    expect(shelf.look('/a')).toMatchObject({ problem: null, url: 'blob:0' })
  })

  test('ends every address when it is closed, and takes nothing in afterwards', async () => {
    const { shelf, urls } = openShelf()
    shelf.want('/a')
    await soon()
    shelf.want('/b')
    shelf.close()
    await soon()
    expect(urls.size).toBe(0)
  })

  test('a refused key ends the desk', async () => {
    const { shelf, refusals } = openShelf(async () => {
      throw new Problem('unauthorized', 401, 'The key is not valid.')
    })
    shelf.want('/a')
    await soon()
    expect(refusals()).toBe(1)
  })
})
