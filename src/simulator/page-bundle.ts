/**
 * The page of the simulator as one piece of HTML. From source it is bundled at start; the build of the binary puts
 * another `loadPage` in this file's place that answers the same text from inside the binary.
 */
export async function loadPage(): Promise<string> {
  const folder = Bun.fileURLToPath(new URL('./page/', import.meta.url))
  const [html, css, script] = await Promise.all([
    Bun.file(`${folder}index.html`).text(),
    Bun.file(`${folder}page.css`).text(),
    bundle(`${folder}page.ts`),
  ])
  return html
    .replace('<!-- style -->', () => `<style>${css}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${script}</script>`)
}

async function bundle(entry: string): Promise<string> {
  const result = await Bun.build({ entrypoints: [entry], target: 'browser', minify: true })
  const [output] = result.outputs
  if (!output) throw new Error("Cannot bundle the simulator's page: there is no output")
  // Inside an inline script this sequence would end it.
  return (await output.text()).replaceAll('</script', '<\\/script')
}
