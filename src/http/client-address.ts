import { BlockList, isIP } from 'node:net'

/** What proxies write into a request; one of these says that it is asked for somebody else. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via']
/** A chain of proxies is short; a longer list was written by somebody who wants to be believed. */
const HOPS_MAX = 16

/** What of Bun's server is needed to know where a connection comes from. */
export interface Peers {
  requestIP(request: Request): { address: string } | null
}

/**
 * Where requests come from. A connection's own address cannot be made up; `X-Forwarded-For` can, so it is read only from
 * proxies that the operator named, from its end, up to the first address that is none of them.
 */
export class ClientAddresses {
  readonly #trustedProxies: () => readonly string[]
  #read: { from: readonly string[]; proxies: BlockList } | undefined

  /** Networks in CIDR form, as the configuration has them now. */
  constructor(trustedProxies: () => readonly string[]) {
    this.#trustedProxies = trustedProxies
  }

  /** The client's address; null where a trusted proxy says nothing that can be read. */
  of(request: Request, peers: Peers | null | undefined): string | null {
    const peer = peerOf(request, peers)
    if (peer === null || !this.#isProxy(peer)) return peer
    const hops = (request.headers.get('x-forwarded-for') ?? '').split(',')
    if (hops.length > HOPS_MAX) return null
    for (let index = hops.length - 1; index >= 0; index--) {
      const hop = addressIn(hops[index] ?? '')
      if (hop === null || index === 0 || !this.#isProxy(hop)) return hop
    }
    return null
  }

  /**
   * Whether a program on this machine asks for itself. A proxy here comes from loopback too: one that was named is known,
   * another one gives itself away by what it writes into the request, or by passing on the name that the browser asked for.
   */
  isThisMachine(request: Request, peers: Peers | null | undefined): boolean {
    const peer = peerOf(request, peers)
    if (peer === null || !isLoopback(peer) || this.#isProxy(peer)) return false
    if (FORWARDED.some((name) => request.headers.has(name))) return false
    const hostname = URL.parse(request.url)?.hostname ?? ''
    return hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''))
  }

  #isProxy(address: string): boolean {
    return this.#proxies().check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }

  #proxies(): BlockList {
    const from = this.#trustedProxies()
    if (this.#read?.from === from) return this.#read.proxies
    const proxies = new BlockList()
    for (const network of from) {
      const [address = '', bits = ''] = network.split('/')
      proxies.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
    }
    this.#read = { from, proxies }
    return proxies
  }
}

function peerOf(request: Request, peers: Peers | null | undefined): string | null {
  return addressIn(peers?.requestIP(request)?.address ?? '')
}

/** An address without its port, brackets and zone; an IPv4 address in IPv6's clothes as itself. */
function addressIn(text: string): string | null {
  const bare = /^\s*(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+))\s*$/.exec(text)
  const address = (bare?.[1] ?? bare?.[2] ?? bare?.[3] ?? '').replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '')
  return isIP(address) === 0 ? null : address.toLowerCase()
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}
