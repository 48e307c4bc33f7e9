import { isIP } from 'node:net'
import type { Fetch } from '../channels/channel.ts'
import { networks } from './guarded-fetch.ts'

export interface ProxySettings {
  /** What everything goes through; null: nothing. */
  url: string | null
  /** Numbers that have a proxy of their own, or with null none, by the platform's id of them. */
  ofAccount: ReadonlyMap<string, string | null>
  /** Host names, with all below them, and networks in CIDR form. */
  noProxy: readonly string[]
}

/** Which outgoing proxy a request takes. The environment has no say in it. */
export class Proxies {
  readonly #settings: ProxySettings
  readonly #names: readonly string[]
  readonly #networks: ReturnType<typeof networks>

  constructor(settings: ProxySettings) {
    this.#settings = settings
    this.#names = settings.noProxy.filter((entry) => !isNetwork(entry))
    this.#networks = networks(settings.noProxy.filter(isNetwork))
  }

  /** For a request of a number; undefined: it goes straight to where it is going. */
  proxyFor(account: string, address: string): string | undefined {
    const own = this.#settings.ofAccount.get(account)
    const proxy = own === undefined ? this.#settings.url : own
    return proxy === null || this.#isDirect(address) ? undefined : proxy
  }

  /** `fetch` as a number's requests take it. */
  fetchFor(account: string, fetch: Fetch): Fetch {
    return (address, init) => {
      const proxy = this.proxyFor(account, address)
      return fetch(address, proxy === undefined ? init : ({ ...init, proxy } as RequestInit))
    }
  }

  #isDirect(address: string): boolean {
    const host = (URL.parse(address)?.hostname ?? '').replace(/^\[|\]$/g, '')
    const version = isIP(host)
    if (version !== 0) return this.#networks.check(host, version === 6 ? 'ipv6' : 'ipv4')
    return this.#names.some((name) => host === name || host.endsWith(`.${name}`))
  }
}

function isNetwork(entry: string): boolean {
  return entry.includes('/')
}
