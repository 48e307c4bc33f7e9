import type { Accounts } from './accounts.ts'

/** What the main thread may ask of the thread with the credentials: the methods of `Accounts`. */
export const ACCOUNT_ASKS = [
  'isPassword',
  'credentialsOf',
  'setPassword',
  'beginSession',
  'noteUses',
  'endSessions',
  'enrol',
  'confirm',
  'isSecond',
  'removeSecond',
  'makeLink',
  'linkOf',
  'spendSetup',
  'spendLink',
  'personOf',
  'connect',
  'forget',
] as const satisfies readonly (keyof Accounts)[]

export type AccountAsk = (typeof ACCOUNT_ASKS)[number]

/** The same methods, asked from the main thread. */
export type AccountsApi = {
  [K in AccountAsk]: (...args: Parameters<Accounts[K]>) => Promise<Awaited<ReturnType<Accounts[K]>>>
}
