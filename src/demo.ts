import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readMasterKey } from './config/kinds.ts'
import type { Config } from './config.ts'
import { codeOf } from './core/failure.ts'
import type { SimulatedNumber } from './simulator/settings.ts'

/** What the demo shows: two numbers in a pool and one of its own. The numbers are from the range kept for fiction. */
export const DEMO_NUMBERS: readonly (SimulatedNumber & { pool: string })[] = [
  {
    phoneNumberId: '100000000000001',
    display: '+12025550101',
    alias: 'support-1',
    wabaId: '200000000000001',
    pool: 'support',
  },
  {
    phoneNumberId: '100000000000002',
    display: '+12025550102',
    alias: 'support-2',
    wabaId: '200000000000001',
    pool: 'support',
  },
  {
    phoneNumberId: '100000000000003',
    display: '+12025550103',
    alias: 'orders',
    wabaId: '200000000000001',
    pool: 'orders',
  },
]

export const DEMO_APP = 'demo'

/** People who have written before the first visit, so that the screen is not empty. */
export const DEMO_MESSAGES: readonly { phone: string; name: string; number: string; text: string }[] = [
  {
    phone: '12025550143',
    name: 'Amina Farouk',
    number: 'support-1',
    text: 'Hello, my parcel says delivered but nothing is here',
  },
  { phone: '12025550143', name: 'Amina Farouk', number: 'support-1', text: 'The order number is 48213' },
  { phone: '12025550177', name: 'Jonas Lindqvist', number: 'support-1', text: 'Can I change the delivery address?' },
  { phone: '12025550119', name: 'Mei Tanaka', number: 'orders', text: 'こんにちは。青いマグカップはまだありますか?' },
  { phone: '12025550164', name: 'Rosa Delgado', number: 'support-2', text: 'Thank you, it works again!' },
]

/** Secrets of the demo, all drawn from its master key: the same at every start, and in no file of their own. */
export interface DemoSecrets {
  appSecret: string
  verifyToken: string
  accessToken: string
  /** The owner's API key that the start prints. */
  ownerKey: string
  /** Whom one signs in as with e-mail and password. */
  owner: { name: string; email: string; password: string }
}

export function demoSecrets(masterKey: Uint8Array): DemoSecrets {
  const secret = (name: string) => createHmac('sha256', masterKey).update(`demo:${name}`).digest('base64url')
  return {
    appSecret: secret('app secret'),
    verifyToken: secret('verify token'),
    accessToken: secret('access token'),
    ownerKey: `gh_${secret('owner key')}`,
    owner: { name: 'Demo Owner', email: 'owner@example.com', password: secret('owner password').slice(0, 24) },
  }
}

/** The demo's master key lies beside the data, which no real house may do: it is made at the first start. */
export function demoMasterKey(config: Config): { key: Uint8Array; path: string | null } {
  if (config.masterKey) return { key: config.masterKey.reveal(), path: null }
  const path = `${resolve(config.dataDir)}-demo.key`
  if (!existsSync(path)) writeDemoKey(path)
  const key = readMasterKey(readFileSync(path, 'utf8'))
  if (!key) throw new Error(`Cannot use the demo's master key: ${path} does not hold 64 hexadecimal characters`)
  return { key, path }
}

function writeDemoKey(path: string): void {
  try {
    writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
  } catch (error) {
    const code = codeOf(error) ?? 'unknown error'
    const remedy = 'choose a data folder whose parent can be written, or name a key with GATEHOUSE_MASTER_KEY_FILE'
    throw new Error(`Cannot write the demo's master key to ${path} (${code}): ${remedy}`, { cause: error })
  }
}
