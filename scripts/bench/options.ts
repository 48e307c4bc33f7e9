/** Reads `--name value` words; anything else ends the program with what there is, before anything is started. */
export function optionsOf<Options extends Record<string, string>>(
  words: readonly string[],
  defaults: Options,
): Options {
  const options = { ...defaults }
  for (let index = 0; index < words.length; index += 2) {
    const name = words[index]?.replace(/^--/, '') ?? ''
    const value = words[index + 1]
    if (!words[index]?.startsWith('--') || !Object.hasOwn(defaults, name) || value === undefined) {
      const known = Object.entries(defaults).map(([option, fallback]) => `  --${option} ${fallback}`)
      console.error(`Options and what they are without being given:\n${known.join('\n')}`)
      process.exit(2)
    }
    Object.assign(options, { [name]: value })
  }
  return options
}
