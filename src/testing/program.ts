/** The binary that `scripts/test` built and named; absent: the tests of the process run the source. */
export const BINARY: string | undefined = Bun.env['GATEHOUSE_TEST_BINARY']

/** The program under test, before its arguments. */
export const PROGRAM: readonly string[] =
  BINARY === undefined ? [process.execPath, new URL('../main.ts', import.meta.url).pathname] : [BINARY]
