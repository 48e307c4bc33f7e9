import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkFolderPermissions, checkKeyPlace, checkSecretFiles } from './configuration.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-doctor-configuration-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('files with secrets', () => {
  const file = (name: string, mode: number) => {
    const path = join(folder, name)
    writeFileSync(path, 'secret')
    chmodSync(path, mode)
    return path
  }
  const holding = (secretFiles: string[]) => ({ secretFiles, configFile: undefined, dataDir: join(folder, 'none') })

  test('that only their owner reads are fine; missing ones are said elsewhere', async () => {
    const files = [file('a', 0o600), file('b', 0o400), join(folder, 'missing')]
    expect(await checkSecretFiles(holding(files))).toMatchObject([{ id: 'secrets.permissions', level: 'ok' }])
  })

  test('that others read are found, each with the command that mends it', async () => {
    const [forGroup, forAll] = [file('c', 0o640), file('d', 0o644)]
    expect(await checkSecretFiles(holding([forGroup, file('e', 0o600), forAll]))).toMatchObject([
      { level: 'warn', remedy: `chmod 600 ${forGroup}` },
      { level: 'fail', remedy: `chmod 600 ${forAll}` },
    ])
  })

  test('lie in the data folder also where a link only leads there', () => {
    const dataDir = mkdtempSync(join(folder, 'data-'))
    const link = join(folder, 'link.key')
    writeFileSync(join(dataDir, 'key'), 'secret')
    symlinkSync(join(dataDir, 'key'), link)
    expect(checkKeyPlace(link, dataDir, false)).toMatchObject({ level: 'warn' })
  })

  test('are named so that the command can be pasted', async () => {
    const path = file("it's a key", 0o640)
    const [found] = await checkSecretFiles(holding([path]))
    Bun.spawnSync(['sh', '-c', found?.remedy ?? ''])
    expect(await checkSecretFiles(holding([path]))).toMatchObject([{ level: 'ok' }])
  })

  test('may be the configuration itself, where secrets stand in it', async () => {
    const configFile = file('gatehouse.toml', 0o644)
    expect(await checkSecretFiles({ ...holding([configFile]), configFile })).toMatchObject([
      { level: 'warn', remedy: `chmod 600 ${configFile}` },
    ])
  })

  test.skipIf(process.getuid?.() !== 0)(
    'are given to the user of the house before nobody else may read them (as root, who may give files away)',
    async () => {
      const dataDir = mkdtempSync(join(folder, 'data-'))
      chownSync(dataDir, 65534, 65534)
      const path = file('f', 0o644)
      expect(await checkSecretFiles({ ...holding([path]), dataDir })).toMatchObject([
        { level: 'fail', remedy: `chown --reference=${dataDir} ${path} && chmod 600 ${path}` },
      ])
    },
  )
})

describe('the data folder', () => {
  test('is entered by its owner only', async () => {
    const path = mkdtempSync(join(folder, 'data-'))
    expect(await checkFolderPermissions(path)).toMatchObject({ id: 'folder.permissions', level: 'ok' })
    chmodSync(path, 0o755)
    expect(await checkFolderPermissions(path)).toMatchObject({ level: 'warn', remedy: `chmod 700 ${path}` })
    expect(await checkFolderPermissions(join(path, 'missing'))).toMatchObject({ level: 'warn' })
  })

  test.skipIf(process.getuid?.() !== 0)(
    'belongs to one user with all in it (as root, who may give files away)',
    async () => {
      const path = mkdtempSync(join(folder, 'data-'))
      for (const name of ['records.db', 'lost+found']) writeFileSync(join(path, name), '')
      chownSync(join(path, 'lost+found'), 65_534, 65_534)
      expect(await checkFolderPermissions(path)).toMatchObject({ level: 'ok' })
      chownSync(join(path, 'records.db'), 65_534, 65_534)
      expect(await checkFolderPermissions(path)).toMatchObject({
        level: 'fail',
        what: expect.stringContaining('records.db belongs to another user'),
        remedy: `chown -R --reference=${path} ${path}`,
      })
    },
  )
})
