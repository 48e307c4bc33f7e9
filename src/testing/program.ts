/** The binary, as it is shipped, that `scripts/test` built and named; absent: the tests of the process run the source. */
export const BINARY: string | undefined = Bun.env['GATEHOUSE_TEST_BINARY']
/** A binary that still has its crash points, which `scripts/test` built and named too. */
const CRASHABLE_BINARY: string | undefined = Bun.env['GATEHOUSE_TEST_CRASHABLE_BINARY']

const SOURCE: readonly string[] = [process.execPath, new URL('../main.ts', import.meta.url).pathname]

/** The program under test, before its arguments. */
export const PROGRAM: readonly string[] = BINARY === undefined ? SOURCE : [BINARY]
/** The same for tests that kill it at named points, or start it often: a binary starts in a fifth of the time. */
export const CRASHABLE_PROGRAM: readonly string[] = CRASHABLE_BINARY === undefined ? SOURCE : [CRASHABLE_BINARY]

const SETPRIV = Bun.which('setpriv')
/** What is put before a program, so that on Linux the kernel ends it when whoever started it is killed. */
export const DIES_WITH_US: readonly string[] = SETPRIV === null ? [] : [SETPRIV, '--pdeathsig', 'KILL', '--']

/** A port that was free a moment ago: programs have to know each other's before one of them listens. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

/** Gives out what a program says, as it comes. */
export async function readText(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}
