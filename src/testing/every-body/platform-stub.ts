/** What the stub answers to a send; the simulator plays the platform whole, this one only gives the ids a test wants. */
export interface PlatformStub {
  url: string
  /** Sends that were taken, by the id that was given for them. */
  sent: ReadonlySet<string>
  stop(): Promise<void>
}

/** The text of a send's first body parameter is the id that the platform gives it. */
export function templateFor(upstreamId: string): object {
  const parameters = [{ type: 'text', text: upstreamId }]
  return { name: 'order_update', language: { code: 'en_US' }, components: [{ type: 'body', parameters }] }
}

interface Send {
  to?: string
  recipient?: string
  template?: { components?: { parameters?: { text?: string }[] }[] }
}

/** A platform that takes every send, and has no files. */
export function startPlatformStub(): PlatformStub {
  const sent = new Set<string>()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      if (request.method !== 'POST') return Response.json({ error: { code: 100, message: 'none' } }, { status: 404 })
      const body = (await request.json()) as Send
      const id = body.template?.components?.[0]?.parameters?.[0]?.text ?? `wamid.${sent.size}`
      sent.add(id)
      const contact = body.to === undefined ? { input: body.recipient } : { input: body.to, wa_id: body.to.slice(1) }
      return Response.json({ messaging_product: 'whatsapp', contacts: [contact], messages: [{ id }] })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, sent, stop: () => server.stop(true) }
}
