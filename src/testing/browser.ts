import type { ApiAnswer, TestGateway } from './test-gateway.ts'

/** A browser as far as signing in needs one: it keeps cookies and says where its requests come from. */
export class TestBrowser {
  readonly #house: Pick<TestGateway, 'url' | 'request'>
  readonly #origin: string
  readonly cookies = new Map<string, string>()
  userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

  constructor(house: Pick<TestGateway, 'url' | 'request'>, origin = house.url) {
    this.#house = house
    this.#origin = origin
  }

  get(path: string, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    return this.ask('GET', path, { headers })
  }

  post(path: string, body: object = {}): Promise<ApiAnswer> {
    return this.ask('POST', path, { body })
  }

  async ask(
    method: string,
    path: string,
    { body, headers = {}, signal }: { body?: object; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<ApiAnswer> {
    const answer = await this.#house.request(path, {
      method,
      redirect: 'manual',
      headers: {
        'User-Agent': this.userAgent,
        'Sec-Fetch-Site': 'same-origin',
        ...(method === 'GET' ? {} : { Origin: this.#origin }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(this.cookies.size === 0 ? {} : { Cookie: this.cookie() }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
    this.keep(answer.headers)
    return answer
  }

  cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}
