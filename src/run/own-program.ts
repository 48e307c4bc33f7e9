/** Files inside a compiled binary have this prefix. */
const INSIDE_BINARY = '/$bunfs/'

/** The words that start this very program once more, without a command: the binary alone, or Bun and its script. */
export function ownProgram(): string[] {
  const script = process.argv[1] ?? ''
  return [process.execPath, ...(script.startsWith(INSIDE_BINARY) ? [] : [...process.execArgv, script])]
}
