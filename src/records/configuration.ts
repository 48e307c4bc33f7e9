import { NUMBER_STATE, type Revoked } from './codes.ts'
import {
  applyDeclaredNumber,
  changeNumberState,
  type DeclareApp,
  type DeclareNumber,
  findNumber,
  NUMBER_COLUMNS,
  type NumberRow,
  writeApp,
} from './number.ts'
import { writeSettings } from './setting.ts'
import { type InputContext, input, type Tx } from './tx.ts'
import { workspaceNamed } from './workspace.ts'

/** A number of the records that is not in the configuration. */
const NOT_CONFIGURED = 'not_configured'
/** The platform refused the access token; what comes before it is the platform's code. */
const OF_THE_TOKEN = ['token_invalid', 'token_malformed']

export interface Declared {
  /** By their names. Those that are not named any more stay, with all that is in them. */
  workspaces: readonly string[]
  apps: readonly DeclareApp[]
  numbers: readonly DeclareNumber[]
  revoked: Revoked
  /** Applications, as numbers name them, whose access token is worth another try. */
  retryTokensOf: readonly string[]
}

/**
 * What the configuration declares goes into the records, whole: a start and a reload do the same. A number that is not
 * declared any more stays, with everything it has said, and nothing is sent from it until it is declared again.
 */
export const declareConfiguration = input(
  'configuration.declare',
  async (tx: Tx, ask: Declared, context: InputContext) => {
    for (const name of ask.workspaces) await workspaceNamed(tx, name, context)
    for (const app of ask.apps) await writeApp(tx, app, context)
    for (const number of ask.numbers) {
      await applyDeclaredNumber(tx, number, context)
      await resumeWhereCured(tx, number, ask.retryTokensOf)
    }
    await writeSettings(tx, { revoked: ask.revoked })
    await pauseUndeclared(tx, ask.numbers)
    return null
  },
)

async function resumeWhereCured(tx: Tx, declared: DeclareNumber, retryTokensOf: readonly string[]): Promise<void> {
  const number = await findNumber(tx, declared.channel, declared.account)
  if (number?.state !== NUMBER_STATE.code('paused')) return
  // The code of the platform stands before the word.
  const reason = number.reason?.split(' ').at(-1) ?? ''
  const isCured = reason === NOT_CONFIGURED || (OF_THE_TOKEN.includes(reason) && retryTokensOf.includes(declared.app))
  if (isCured) await changeNumberState(tx, number, 'active', null)
}

async function pauseUndeclared(tx: Tx, numbers: readonly DeclareNumber[]): Promise<void> {
  const declared = new Set(numbers.map(({ channel, account }) => `${channel}/${account}`))
  const active = await tx.all<NumberRow>(
    `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE state = ?1`,
    NUMBER_STATE.code('active'),
  )
  for (const number of active) {
    if (declared.has(`${number.channel}/${number.account}`)) continue
    await changeNumberState(tx, number, 'paused', NOT_CONFIGURED)
  }
}
