import { expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { FORMS, VERSIONS } from './forms.ts'

const MIGRATIONS = new URL('../../migrations/', import.meta.url)

test('an upgrade knows every database that has migrations, and its newest version', () => {
  const counts = readdirSync(MIGRATIONS).map((name) => [name, readdirSync(new URL(name, MIGRATIONS)).length])
  expect(VERSIONS).toEqual(Object.fromEntries(counts))
})

test('only the records go back whole: keys, what came in and who was erased are never given up', () => {
  expect(FORMS.filter(({ back }) => back === 'copy').map(({ label }) => label)).toEqual(['records'])
})
