/** From which state of the source, and when, the program was built. Null where it runs from the source. */
export interface Build {
  commit: string | null
  builtAt: string | null
}

/** scripts/build.ts puts texts in the place of these variables: in a binary they are not read from the environment. */
export const BUILD: Build = {
  // biome-ignore lint/style/noProcessEnv: replaced when the binary is built
  commit: process.env['GATEHOUSE_BUILD_COMMIT'] || null,
  // biome-ignore lint/style/noProcessEnv: replaced when the binary is built
  builtAt: process.env['GATEHOUSE_BUILD_TIME'] || null,
}
