import { BlockList, isIP } from 'node:net'

/** A name's bound, and a port. */
const HOST_CHARS_MAX = 260

/** Addresses of this machine, of private networks, and of everything else that is not the open Internet (IANA's registries). */
const PRIVATE_4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
/** Of IPv6 only this block is the open Internet; inside it, what carries other addresses or is for documents is not. */
const GLOBAL_6: readonly [string, number] = ['2000::', 3]
const PRIVATE_6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const privateAddresses = new BlockList()
for (const [address, bits] of PRIVATE_4) privateAddresses.addSubnet(address, bits, 'ipv4')
for (const [address, bits] of PRIVATE_6) privateAddresses.addSubnet(address, bits, 'ipv6')
const globalAddresses = new BlockList()
globalAddresses.addSubnet(...GLOBAL_6, 'ipv6')

export function isPrivateAddress(address: string): boolean {
  if (isIP(address) === 4) return privateAddresses.check(address, 'ipv4')
  return !globalAddresses.check(address, 'ipv6') || privateAddresses.check(address, 'ipv6')
}

/** Networks in CIDR form, as the configuration has them. */
export function networks(list: readonly string[]): BlockList {
  const found = new BlockList()
  for (const network of list) {
    const [address = '', bits = ''] = network.split('/')
    found.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return found
}

/** An address that is not fetched from, and why. The address itself is never in it. */
export class AddressRefused extends Error {
  readonly reason: 'url_malformed' | 'host_not_allowed' | 'address_private' | 'redirected'

  constructor(reason: AddressRefused['reason']) {
    super(`Refused to fetch: ${reason}`)
    this.name = 'AddressRefused'
    this.reason = reason
  }
}

export interface GuardOptions {
  /** The operator's own address of the platform: its origin may be private and plain. */
  trustedUrl: () => string
  /** What the operator allows now. */
  allowed: () => {
    /** Other hosts that may be fetched from: over TLS, at the usual port. */
    hosts: readonly string[]
    /** Private networks that those hosts may lie in, in CIDR form. */
    allowPrivate: readonly string[]
  }
  /** The addresses of a name. */
  resolve(hostname: string): Promise<string[]>
  /** Told of a host that is not fetched from: the operator may want to allow it. */
  refused(host: string, reason: string): void
}

/** What of a request the caller may decide. */
export interface GuardedRequest {
  headers: Record<string, string>
  signal: AbortSignal
  /** The proxy it goes through, if any. */
  proxy?: string | undefined
}

/**
 * Fetches from addresses that an outsider chose: only from hosts that the operator named, from the very address that was
 * looked up and checked, and without following anywhere. Throws `AddressRefused` before anything is sent.
 *
 * Through a proxy it is the proxy that looks the name up. What still holds: only named hosts, only over TLS with a
 * certificate of that name, no redirect. Which addresses may be reached is then the proxy's to say.
 */
export class GuardedFetch {
  readonly #options: GuardOptions

  constructor(options: GuardOptions) {
    this.#options = options
  }

  async get(address: string, request: GuardedRequest): Promise<Response> {
    // Read once, and only this reading is used: two readers of one text may differ.
    const url = URL.parse(address)
    if (url?.username !== '' || url.password !== '') throw new AddressRefused('url_malformed')
    const response = await fetch(...(await this.#target(url, request)))
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw new AddressRefused('redirected')
    }
    return response
  }

  async #target(url: URL, { headers, signal, proxy }: GuardedRequest): Promise<[string, BunFetchRequestInit]> {
    const init: BunFetchRequestInit = { headers, signal, redirect: 'manual', decompress: false, keepalive: false }
    if (proxy !== undefined) init.proxy = proxy
    if (url.origin === new URL(this.#options.trustedUrl()).origin) return [url.href, init]
    // Names with a dot at their end, ports and plain HTTP are other places than those the operator named.
    if (url.protocol !== 'https:' || url.port !== '' || !this.#options.allowed().hosts.includes(url.hostname)) {
      throw this.#refusal('host_not_allowed', url)
    }
    if (proxy !== undefined) return [url.href, init]
    const pinned = await this.#checkedAddress(url)
    const host = isIP(pinned) === 6 ? `[${pinned}]` : pinned
    const target = `https://${host}${url.pathname}${url.search}`
    // The certificate is checked against the name, not against the address.
    return [target, { ...init, headers: { ...headers, host: url.host }, tls: { serverName: url.hostname } as never }]
  }

  /** Every address of a name is checked: one that is private spoils the name. */
  async #checkedAddress(url: URL): Promise<string> {
    const addresses = await this.#options.resolve(url.hostname)
    const first = addresses[0]
    if (first === undefined) throw new Error('The name has no address')
    const allowed = networks(this.#options.allowed().allowPrivate)
    const isOpen = (address: string) =>
      !isPrivateAddress(address) || allowed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
    if (!addresses.every(isOpen)) throw this.#refusal('address_private', url)
    return first
  }

  #refusal(reason: AddressRefused['reason'], url: URL): AddressRefused {
    this.#options.refused(url.host.slice(0, HOST_CHARS_MAX), reason)
    return new AddressRefused(reason)
  }
}
