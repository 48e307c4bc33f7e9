import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { MemoryEventLog } from '../testing/memory-event-log.ts'
import { ownerNamed } from '../testing/principals.ts'
import { type EventsAsk, EventsPoll } from './events-poll.ts'

const OWNER = ownerNamed('a')
const BLIND: typeof OWNER = { ...OWNER, scope: { kind: 'some', numberIds: [], teamIds: [], personId: null } }

function openPoll(count = 5) {
  const clock = new FakeClock()
  const log = new MemoryEventLog()
  for (let index = 0; index < count; index++) log.add({})
  const poll = new EventsPoll(log, clock, {
    renewed: (principal) => principal,
    renew: ({ role, ...rest }) => (role === 'over' ? 'forbidden' : role === 'other' ? 'rights' : { role, ...rest }),
    changeText: () => null,
  })
  const ask = async (more: Partial<EventsAsk> = {}, principal = OWNER) => {
    const text = await poll.answer(
      { after: 0, epoch: null, limit: 500, waitMs: 0, signal: new AbortController().signal, ...more },
      principal,
    )
    const { events, ...rest } = JSON.parse(text)
    return { offsets: events.map(({ offset }: { offset: number }) => offset), ...rest }
  }
  return { clock, log, poll, ask }
}

const turns = async () => {
  for (let count = 0; count < 20; count++) await Promise.resolve()
}

describe('EventsPoll', () => {
  test.each<[string, Partial<EventsAsk>, number[], number]>([
    ['from the oldest', { after: 0 }, [1, 2, 3, 4, 5], 5],
    ['after an offset', { after: 3 }, [4, 5], 5],
    ['at most so many', { after: 1, limit: 2 }, [2, 3], 3],
    ['at the head', { after: 5 }, [], 5],
    ['from now on', { after: null }, [], 5],
    ['of the right epoch', { after: 4, epoch: 'epoch-1' }, [5], 5],
  ])('answers %s', async (_, more, offsets, upto) => {
    expect(await openPoll().ask(more)).toEqual({ offsets, upto, head: 5, epoch: 'epoch-1' })
  })

  test.each<[string, Partial<EventsAsk>]>([
    ['beyond the head', { after: 6 }],
    ['that is not kept any more', { after: 1 }],
    ['of another epoch', { after: 4, epoch: 'epoch-0' }],
    ['of another epoch, from the oldest', { after: 0, epoch: 'epoch-0' }],
  ])('an offset %s is gone, and it says where the log stands', async (_, more) => {
    const { log, ask } = openPoll()
    log.keepFrom(3)
    await expect(ask(more)).rejects.toMatchObject({
      code: 'offset_gone',
      members: { head: 5, oldest: 3, epoch: 'epoch-1' },
    })
  })

  test('one below the oldest that is kept is still whole, and 0 stands for it', async () => {
    const { log, ask } = openPoll()
    log.keepFrom(3)
    expect((await ask({ after: 2 })).offsets).toEqual([3, 4, 5])
    expect((await ask({ after: 0 })).offsets).toEqual([3, 4, 5])
  })

  test('waits for news and answers as soon as there is some', async () => {
    const { clock, log, poll, ask } = openPoll()
    const answer = ask({ after: 5, waitMs: 25_000 })
    await turns()
    clock.advance(1000)
    log.add({})
    poll.wake()
    expect(await answer).toMatchObject({ offsets: [6], upto: 6 })
    expect(clock.nextDelayMs()).toBeUndefined()
  })

  test('answers with nothing when the wait is over', async () => {
    const { clock, poll, ask } = openPoll()
    const answer = ask({ after: 5, waitMs: 25_000 })
    await turns()
    poll.wake()
    await turns()
    clock.advance(25_000)
    expect(await answer).toMatchObject({ offsets: [], upto: 5 })
  })

  test('does not wake for what this caller may not see, and counts it as read', async () => {
    const { clock, log, poll, ask } = openPoll()
    const answer = ask({ after: 5, waitMs: 1000 }, BLIND)
    await turns()
    log.add({})
    poll.wake()
    await turns()
    clock.advance(1000)
    expect(await answer).toMatchObject({ offsets: [], upto: 6 })
  })

  test('reads on over pages of what this caller may not see', async () => {
    const { ask } = openPoll(1700)
    expect(await ask({ after: 0, limit: 500 }, BLIND)).toMatchObject({
      offsets: [],
      upto: 1700,
    })
  })

  test('a short page is no reason to read what cannot be seen one by one, and ends where it is full', async () => {
    const { log, ask } = openPoll(1200)
    const scope = { kind: 'some', numberIds: [7], teamIds: [], personId: null } as const
    const seesOne: typeof OWNER = { ...OWNER, scope }
    const offsets = Array.from({ length: 3 }, () => log.add({ conversationId: 1, numberId: 7 }))
    expect(await ask({ after: 0, limit: 2 }, seesOne)).toMatchObject({ offsets: offsets.slice(0, 2), upto: offsets[1] })
    expect(log.readCount).toBeLessThan(6)
    expect(await ask({ after: offsets[1] ?? 0, limit: 2 }, seesOne)).toMatchObject({ offsets: offsets.slice(2) })
  })

  test('does not read on for somebody who has left, nor when the house ends', async () => {
    const left = openPoll(5000)
    const leaving = new AbortController()
    leaving.abort()
    expect(await left.ask({ after: 0, limit: 1, signal: leaving.signal }, BLIND)).toMatchObject({
      offsets: [],
      upto: 1,
    })
    const ending = openPoll(5000)
    ending.poll.stop()
    expect(await ending.ask({ after: 0, limit: 1 }, BLIND)).toMatchObject({ offsets: [], upto: 1 })
  })

  test('whoever may see nothing any more is refused in the middle of the wait, and sees no later event', async () => {
    const { log, poll, ask } = openPoll()
    const withdrawn = ask({ after: 5, waitMs: 25_000 })
    const stays = ask({ after: 5, waitMs: 25_000 }, ownerNamed('b'))
    await turns()
    poll.withdraw(({ id }) => id === OWNER.id)
    log.add({})
    poll.wake()
    await expect(withdrawn).rejects.toMatchObject({ code: 'unauthorized' })
    expect((await stays).offsets).toEqual([6])
  })

  test('a wait ends when what somebody came in with does', async () => {
    const { clock, poll, log, ask } = openPoll()
    const short = { ...OWNER, expiresAtMs: clock.epochMs() + 1000 }
    const alone = ask({ after: 5, waitMs: 25_000 }, short)
    await turns()
    clock.advance(1000)
    log.add({})
    poll.wake()
    await expect(alone).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('after a change of rights whoever waits is refused, asks anew, or waits on', async () => {
    const { log, poll, ask } = openPoll()
    const [over, other, same, unconcerned] = ['over', 'other', 'owner', 'other'].map((role, index) =>
      ask({ after: 5, waitMs: 25_000 }, { ...OWNER, id: `viewer-${index}`, role }),
    )
    await turns()
    poll.renew(({ id }) => id !== 'viewer-3')
    log.add({})
    poll.wake()
    await expect(over).rejects.toMatchObject({ code: 'unauthorized' })
    expect(await other).toMatchObject({ offsets: [], upto: 5 })
    expect(await same).toMatchObject({ offsets: [6] })
    expect(await unconcerned).toMatchObject({ offsets: [6] })
  })

  test('lets go of a caller who has left', async () => {
    const { clock, ask } = openPoll()
    const leaving = new AbortController()
    const answer = ask({ after: 5, waitMs: 25_000, signal: leaving.signal })
    await turns()
    leaving.abort()
    expect((await answer).offsets).toEqual([])
    expect(clock.nextDelayMs()).toBeUndefined()
  })

  test('answers everybody who waits when the house ends, and nobody waits after that', async () => {
    const { poll, ask } = openPoll()
    const waiting = [ask({ after: 5, waitMs: 25_000 }), ask({ after: null, waitMs: 25_000 })]
    await turns()
    poll.stop()
    expect((await Promise.all(waiting)).map(({ offsets }) => offsets)).toEqual([[], []])
    await expect(ask({ after: 5, waitMs: 25_000 })).rejects.toMatchObject({
      code: 'unavailable',
      members: { retry_after_ms: 1000 },
    })
    expect((await ask({ after: 4, waitMs: 25_000 })).offsets).toEqual([5])
    expect((await ask({ after: 5 })).offsets).toEqual([])
  })

  test('refuses the thousand and first who would wait', async () => {
    const { poll, ask } = openPoll()
    const waiting = Array.from({ length: 1000 }, () => ask({ after: 5, waitMs: 25_000 }))
    await turns()
    await expect(ask({ after: 5, waitMs: 25_000 })).rejects.toMatchObject({ code: 'unavailable' })
    poll.stop()
    await Promise.all(waiting)
  })
})
