import { createHash } from 'node:crypto'
import packageJson from '../../../package.json' with { type: 'json' }
import { toTime } from '../../core/clock.ts'
import type { Part } from './contents.ts'
import { Scanner } from './scanner.ts'
import { type TarFile, tar } from './tar.ts'

/** What a bundle says of itself. */
export interface BundleManifest {
  form: 1
  made_at: string
  program: string
  files: { path: string; about: string; bytes: number; sha256: string }[]
  /** What the scanner took out, by kind. */
  removed: Record<string, number>
  /** What could not be gathered. */
  problems: string[]
}

export interface Bundle {
  manifest: BundleManifest
  archive: Uint8Array<ArrayBuffer>
}

/** Puts what was gathered through the scanner and into an archive, with a manifest of what is in it. */
export function makeBundle(gathered: { parts: readonly Part[]; problems: readonly string[] }, nowMs: number): Bundle {
  const scanner = new Scanner()
  const files: TarFile[] = []
  const listed: BundleManifest['files'] = []
  for (const part of gathered.parts) {
    const content = new TextEncoder().encode(textOf(part, scanner))
    files.push({ path: part.path, content })
    const sha256 = createHash('sha256').update(content).digest('hex')
    listed.push({ path: part.path, about: part.about, bytes: content.byteLength, sha256 })
  }
  const problems = gathered.problems.map((problem) => scanner.text(problem))
  const manifest: BundleManifest = {
    form: 1,
    made_at: toTime(nowMs),
    program: packageJson.version,
    files: listed,
    removed: scanner.removed(),
    problems,
  }
  const head = { path: 'manifest.json', content: new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`) }
  const folder = folderOf(nowMs)
  const archive = tar(
    [head, ...files].map(({ path, content }) => ({ path: `${folder}/${path}`, content })),
    nowMs,
  )
  return { manifest, archive: Bun.gzipSync(new Uint8Array(archive)) }
}

/** The name of the folder inside, and of the file if nobody names another. */
export function folderOf(nowMs: number): string {
  return `gatehouse-support-${toTime(nowMs).replace(/\.\d+/, '').replace(/[-:]/g, '')}`
}

function textOf({ form, content }: Part, scanner: Scanner): string {
  if (form === 'metrics') return scanner.metrics(String(content))
  if (form === 'lines') return (content as string[]).map((line) => `${scanner.line(line)}\n`).join('')
  return `${JSON.stringify(scanner.value(content), null, 2)}\n`
}
