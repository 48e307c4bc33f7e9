import packageJson from '../../package.json' with { type: 'json' }
import { type CommandContext, EXIT_OK } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { BUILD } from '../core/build.ts'
import { VERSIONS } from '../relay/forms.ts'
import { sqliteVersion } from '../storage/database.ts'

/** What exactly runs here, for a report or a script. Opens nothing and reads no configuration. */
export async function versionCommand({ options, print }: CommandContext<Config>): Promise<number> {
  const about = {
    name: 'gatehouse',
    version: packageJson.version,
    commit: BUILD.commit,
    built_at: BUILD.builtAt,
    bun: Bun.version,
    sqlite: sqliteVersion(),
    target: `${process.platform}-${process.arch}`,
    schemas: VERSIONS,
  }
  if (options['json'] === true) {
    print(JSON.stringify(about, null, 2))
    return EXIT_OK
  }
  const schemas = Object.entries(VERSIONS).map(([name, version]) => `${name} ${version}`)
  print(`gatehouse ${about.version}`)
  print(`  commit    ${about.commit ?? 'none: it runs from the source'}`)
  print(`  built     ${about.built_at ?? 'not at all'}`)
  print(`  for       ${about.target}, with Bun ${about.bun} and SQLite ${about.sqlite}`)
  print(`  databases ${schemas.join(', ')} (the newest form it knows)`)
  return EXIT_OK
}
