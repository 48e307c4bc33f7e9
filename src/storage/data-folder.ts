import { mkdirSync } from 'node:fs'

const WORDS: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file, and has to be a folder',
  ENOTDIR: 'what it lies in is a file, and has to be a folder',
  ENOSPC: 'no space is left on its disk',
}

/** Makes the data folder where it is not there yet. Throws in words that name it. */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? 'unknown error'
    const words = WORDS[code] ?? 'make it yourself for whoever runs Gatehouse, or name another one as data_dir'
    throw new Error(`Cannot make the data folder ${folder} (${code}): ${words}`, { cause })
  }
}
