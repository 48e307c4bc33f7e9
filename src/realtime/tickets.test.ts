import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { ownerNamed } from '../testing/principals.ts'
import { Tickets } from './tickets.ts'

const viewer = ownerNamed('ada')
const ORIGIN = 'https://desk.example'

function openTickets(ticketsMax = 10, ticketsPerViewerMax = ticketsMax) {
  const clock = new FakeClock()
  let next = 0
  const randomBytes = (size: number) => new Uint8Array(size).fill(++next)
  return { clock, tickets: new Tickets({ clock, randomBytes }, { ticketMs: 30_000, ticketsMax, ticketsPerViewerMax }) }
}

describe('Tickets', () => {
  test('a ticket is 256 bits and fits a subprotocol name', () => {
    const { ticket } = openTickets().tickets.issue({ viewer, byApiKey: true, origin: null })
    expect(Buffer.from(ticket, 'base64url')).toHaveLength(32)
    expect(ticket).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })

  test('opens once, and within 30 seconds', () => {
    const { clock, tickets } = openTickets()
    const first = tickets.issue({ viewer, byApiKey: true, origin: null })
    expect(first.expiresAtMs).toBe(clock.epochMs() + 30_000)
    expect(tickets.take(first.ticket, null)).toBe(viewer)
    expect(tickets.take(first.ticket, null)).toBe('bad_ticket')
    const second = tickets.issue({ viewer, byApiKey: true, origin: null })
    clock.advance(30_000)
    expect(tickets.take(second.ticket, null)).toBe('bad_ticket')
    expect(tickets.take('no-such-ticket', null)).toBe('bad_ticket')
  })

  test.each([
    ['an API key’s, used without an origin', true, null, null, viewer],
    ['an API key’s, used by a page', true, null, ORIGIN, viewer],
    ['a browser’s, used by its page', false, ORIGIN, ORIGIN, viewer],
    ['a browser’s, used by another allowed page', false, ORIGIN, 'https://other.example', 'bad_ticket'],
    ['a browser’s, used without an origin', false, ORIGIN, null, 'origin_required'],
    ['an API key’s that a page asked for, used without an origin', true, ORIGIN, null, 'origin_required'],
    ['a session’s without an origin, used without one', false, null, null, 'origin_required'],
  ] as const)('%s', (_, byApiKey, made, used, answer) => {
    const { tickets } = openTickets()
    expect(tickets.take(tickets.issue({ viewer, byApiKey, origin: made }).ticket, used)).toEqual(answer)
    expect(tickets.size).toBe(0)
  })

  test('refuses when too many wait, until they expire', () => {
    const { clock, tickets } = openTickets(2)
    tickets.issue({ viewer, byApiKey: true, origin: null })
    clock.advance(10_000)
    tickets.issue({ viewer, byApiKey: true, origin: null })
    expect(() => tickets.issue({ viewer, byApiKey: true, origin: null })).toThrow('Too many tickets')
    clock.advance(20_000)
    tickets.issue({ viewer, byApiKey: true, origin: null })
    expect(tickets.size).toBe(2)
  })

  test('of one viewer are bounded, so that another finds room; spent and expired ones count no more', () => {
    const { clock, tickets } = openTickets(10, 3)
    const issue = (id: string) => tickets.issue({ viewer: ownerNamed(id), byApiKey: true, origin: null })
    const [one] = [issue('ada'), issue('ada'), issue('ada')]
    expect(() => issue('ada')).toThrow('Too many of your tickets')
    issue('bob')
    tickets.take(one?.ticket ?? '', null)
    issue('ada')
    expect(() => issue('ada')).toThrow('Too many of your tickets')
    clock.advance(30_000)
    issue('ada')
    expect(tickets.size).toBe(1)
  })
})
