import { MAIN_WORKSPACE } from '../core/principal.ts'
import { hintOf, newApiKey } from '../people/api-keys.ts'
import { hashToken } from '../people/tokens.ts'
import { type AddApiKey, ApiKeyReader, addApiKey } from '../records/api-key.ts'
import { UNFINISHED_DUTY } from '../records/lost-commits.ts'
import type { Reader } from '../records/reader.ts'
import { holdUnfinished } from '../records/send-message.ts'
import type { Base } from './base.ts'
import { declare } from './declare.ts'

/** What a start asks of the book before anybody else does. */
export async function giveFirstInputs(base: Base, reader: Reader): Promise<void> {
  requireOwnFolder(base, reader)
  // Whether a token that was refused is another one by now, nobody knows: what it may cost is one more refusal.
  await declare(
    base,
    base.setup.apps.map(({ id }) => id),
  )
  await holdAfterLoss(base, reader)
}

/** A demo would add an owner and numbers to a house whose configuration is only missing. */
function requireOwnFolder({ config, setup }: Base, reader: Reader): void {
  if (!config.demo || reader.numbers().every(({ app }) => setup.apps.some(({ id }) => id === app))) return
  throw new Error(
    'No app is configured, and this folder is that of a house with apps: name its configuration (GATEHOUSE_CONFIG, --config)',
  )
}

/** Where commits were lost, what waits may have gone out already: it is held before anything is sent. */
async function holdAfterLoss({ house, options }: Base, reader: Reader): Promise<void> {
  if (!reader.isOwed(UNFINISHED_DUTY)) return
  let count = 0
  for (let isDone = false; !isDone; ) {
    const done = await house.book.ask(holdUnfinished, null)
    count += done.held
    isDone = done.isDone
  }
  options.log.warn('the records are older than what has happened since: what waited to be sent is held', { count })
}

/**
 * The first start of a house without a bootstrap token makes an owner's key; the demo's is always the same. Answers the key
 * that was just made. It is shown only once, so nothing that can fail may come after it.
 */
export async function giveFirstKey({ house, setup }: Base): Promise<string | null> {
  const { ask } = house.book
  const { demo, bootstrapToken } = setup
  if (demo) {
    await ask(addApiKey, ownerKey(demo.ownerKey))
    return demo.ownerKey
  }
  if (bootstrapToken !== null || new ApiKeyReader(house.records()).hasAny()) return null
  const key = newApiKey()
  await ask(addApiKey, ownerKey(key))
  return key
}

function ownerKey(key: string): AddApiKey {
  const open = { personId: null, permissions: null, numberIds: null, expiresAtMs: null }
  return {
    hash: hashToken(key),
    hint: hintOf(key),
    workspaceId: MAIN_WORKSPACE,
    name: 'first key',
    role: 'owner',
    ...open,
  }
}
