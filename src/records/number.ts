import { Failure } from '../core/failure.ts'
import type { AccountReference } from '../core/inbound.ts'
import { MAIN_WORKSPACE } from '../core/principal.ts'
import { NUMBER_STATE, type NumberState } from './codes.ts'
import { type InputContext, input, type Tx } from './tx.ts'
import { requireSameWorkspace, requireUnused, workspaceNamed } from './workspace.ts'

/** A number as the table keeps it. */
export interface NumberRow {
  id: number
  channel: string
  account: string
  app: string
  portfolio: string
  waba: string | null
  pool: string | null
  alias: string
  display: string | null
  per_second_max: number | null
  state: number
  reason: string | null
  workspace_id: number
}

export const NUMBER_COLUMNS =
  'id, channel, account, app, portfolio, waba, pool, alias, display, per_second_max, state, reason, workspace_id'

/** What a number is called; an operator may change it. */
export interface NumberNames {
  alias: string
  display: string | null
}

function namesOf({ alias, display }: NumberNames): NumberNames {
  return { alias, display }
}

export interface DeclareNumber {
  channel: string
  account: string
  app: string
  portfolio: string
  waba: string | null
  pool: string | null
  alias: string
  display: string | null
  perSecondMax: number | null
  /** The name of the workspace that its portfolio belongs to; absent: main. */
  workspace?: string
}

export interface DeclareApp {
  id: string
  portfolio: string
  /** The name of the workspace that its portfolio belongs to; absent: main. */
  workspace?: string
}

/** Says which portfolio an application belongs to: its contacts' user ids are unique inside it. */
export const declareApp = input('app.declare', async (tx: Tx, app: DeclareApp, context: InputContext) => {
  await writeApp(tx, app, context)
  return null
})

/** Throws `conflict` where its portfolio has conversations in another workspace. */
export async function writeApp(tx: Tx, app: DeclareApp, context: InputContext): Promise<void> {
  const workspaceId = await workspaceNamed(tx, app.workspace, context)
  await requireSameWorkspace(tx, app.portfolio, workspaceId)
  await tx.run(
    `INSERT INTO apps (id, portfolio, workspace_id) VALUES (?1, ?2, ?3)
     ON CONFLICT (id) DO UPDATE SET portfolio = excluded.portfolio, workspace_id = excluded.workspace_id`,
    app.id,
    app.portfolio,
    workspaceId,
  )
}

/** Creates a number or brings it up to date with the configuration. An unclaimed number becomes active by it. */
export const declareNumber = input('number.declare', (tx: Tx, ask: DeclareNumber, context: InputContext) =>
  applyDeclaredNumber(tx, ask, context),
)

/**
 * Makes a number, or changes it to what is declared; what events told of its names before is kept. Throws `conflict`
 * where it would change its workspace and is in use.
 */
export async function applyDeclaredNumber(tx: Tx, ask: DeclareNumber, context: InputContext): Promise<{ id: number }> {
  const { now, ids } = context
  const workspaceId = await workspaceNamed(tx, ask.workspace, context)
  const known = await findNumber(tx, ask.channel, ask.account)
  if (!known) {
    return { id: await insertNumber(tx, { ...ask, workspaceId }, { id: ids.next(), state: 'active', now }) }
  }
  if (known.workspace_id !== workspaceId) await requireUnused(tx, known)
  if (known.alias !== ask.alias || known.display !== ask.display) {
    await tx.keepFormer('number', { subject: known.id, person: 0, text: JSON.stringify(namesOf(known)) })
  }
  const state = known.state === NUMBER_STATE.code('unclaimed') ? NUMBER_STATE.code('active') : known.state
  if (state === known.state && isAsDeclared(known, { ...ask, workspaceId })) return { id: known.id }
  await tx.run(
    `UPDATE numbers SET app = ?2, portfolio = ?3, waba = ?4, pool = ?5, alias = ?6, display = ?7, per_second_max = ?8, state = ?9,
     workspace_id = ?10 WHERE id = ?1`,
    known.id,
    ask.app,
    ask.portfolio,
    ask.waba,
    ask.pool,
    ask.alias,
    ask.display,
    ask.perSecondMax,
    state,
    workspaceId,
  )
  tx.wake({ kind: 'number', numberId: known.id })
  if (state !== known.state) await tx.event('number.state', { numberId: known.id }, { state: 'active', reason: null })
  return { id: known.id }
}

function isAsDeclared(known: NumberRow, ask: DeclareNumber & { workspaceId: number }): boolean {
  if (known.workspace_id !== ask.workspaceId) return false
  const were = [known.app, known.portfolio, known.waba, known.pool, known.alias, known.display, known.per_second_max]
  const are = [ask.app, ask.portfolio, ask.waba, ask.pool, ask.alias, ask.display, ask.perSecondMax]
  return were.every((value, index) => value === are[index])
}

/** Stops or restarts sending from a number, by a person or because the platform said a definite no. */
export const setNumberState = input(
  'number.set_state',
  async (tx: Tx, ask: { numberId: number; state: 'active' | 'paused'; reason: string | null }) => {
    const number = await numberById(tx, ask.numberId)
    if (!number) throw new Failure('not_found', 'No such number')
    if (number.state === NUMBER_STATE.code('unclaimed')) {
      throw new Failure('number_paused', 'The number is unclaimed: declare it in the configuration first')
    }
    await changeNumberState(tx, number, ask.state, ask.reason)
    return { id: number.id, state: ask.state }
  },
)

/** Writes and tells it, unless it is so already. */
export async function changeNumberState(
  tx: Tx,
  number: NumberRow,
  state: NumberState,
  reason: string | null,
): Promise<void> {
  if (number.state === NUMBER_STATE.code(state) && number.reason === reason) return
  await tx.run(
    'UPDATE numbers SET state = ?2, reason = ?3 WHERE id = ?1 AND workspace_id = ?4',
    number.id,
    NUMBER_STATE.code(state),
    reason,
    number.workspace_id,
  )
  await tx.event('number.state', { numberId: number.id }, { state, reason })
  tx.wake({ kind: 'number', numberId: number.id })
}

/** Undefined also where it is in another workspace than the one that is acted in. */
export function numberById(tx: Tx, id: number): Promise<NumberRow | undefined> {
  return tx.one<NumberRow>(
    `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)`,
    id,
    tx.within,
  )
}

/** By the channel's own id of it, in whatever workspace. */
export function findNumber(tx: Tx, channel: string, account: string): Promise<NumberRow | undefined> {
  return tx.one<NumberRow>(
    `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE channel = ?1 AND account = ?2`,
    channel,
    account,
  )
}

/** The portfolio of an application, and its workspace; one that nobody declared stands for itself, in main. */
export async function ownerOfSource(tx: Tx, source: string): Promise<{ portfolio: string; workspaceId: number }> {
  const owner = await tx.one<{ portfolio: string; workspaceId: number }>(
    'SELECT portfolio, workspace_id AS workspaceId FROM apps WHERE id = ?1',
    source,
  )
  return owner ?? { portfolio: source.split('/')[1] ?? '', workspaceId: MAIN_WORKSPACE }
}

/** The number that something came in on; one that nobody declared is kept as unclaimed, and nothing is sent from it. */
export async function numberOfItem(
  tx: Tx,
  source: string,
  account: AccountReference,
  { now, ids }: InputContext,
): Promise<NumberRow> {
  const [channel = '', app = ''] = source.split('/')
  const known = await tx.memo('numbers', `${channel}/${account.id}`, () => findNumber(tx, channel, account.id))
  if (known) {
    if (known.app !== app) await requireOwnFirm(tx, source, known)
    return known
  }
  const owner = await ownerOfSource(tx, source)
  const id = await insertNumber(
    tx,
    {
      channel,
      account: account.id,
      app,
      ...owner,
      waba: null,
      pool: null,
      alias: account.id,
      display: account.display ?? null,
      perSecondMax: null,
    },
    { id: ids.next(), state: 'unclaimed', now },
  )
  const number = await numberById(tx, id)
  if (!number) throw new Error('The number that was just written is not there')
  return number
}

/** An account may be told to several apps of its firm; whoever signs for another firm's app says nothing about it. */
async function requireOwnFirm(tx: Tx, source: string, number: NumberRow): Promise<void> {
  const { workspaceId } = await ownerOfSource(tx, source)
  if (workspaceId !== number.workspace_id) {
    throw new Failure('forbidden', 'The number belongs to another workspace than the app that signed')
  }
}

async function insertNumber(
  tx: Tx,
  number: DeclareNumber & { workspaceId: number },
  fresh: { id: number; state: NumberState; now: number },
): Promise<number> {
  await tx.run(
    `INSERT INTO numbers (id, channel, account, app, portfolio, waba, pool, alias, display, per_second_max, state, created_at,
       workspace_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
    fresh.id,
    number.channel,
    number.account,
    number.app,
    number.portfolio,
    number.waba,
    number.pool,
    number.alias,
    number.display,
    number.perSecondMax,
    NUMBER_STATE.code(fresh.state),
    fresh.now,
    number.workspaceId,
  )
  await tx.event('number.state', { numberId: fresh.id }, { state: fresh.state, reason: null })
  tx.wake({ kind: 'number', numberId: fresh.id })
  return fresh.id
}
