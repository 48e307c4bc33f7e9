import { showId } from '../core/ids.ts'
import { isWithin, type Principal, type Scope } from '../core/principal.ts'
import type { ConversationPlace, ConversationPlaces } from '../records/conversation-places.ts'
import { visibilityOf } from './may-see.ts'

/** Conversations that one change of rights names; where there are more, `more` says to load the lists anew. */
const NAMED_MAX = 1_000
/** Conversations of a workspace that are looked at for it: some milliseconds. */
const LOOKED_AT_MAX = 5_000
/** Changes that are remembered as somebody reads them: all who see the same ask for the same. */
const REMEMBERED_MAX = 100

interface Change {
  offset: number
  type: string
  workspaceId: number
  /** The offset of the change of rights. */
  change?: number
  json: string
}

interface Named {
  ids: number[]
  more: boolean
}

const NONE: Named = { ids: [], more: false }

/**
 * What a change of rights brought into somebody's view or took from it, worked out when it is read: from what they saw
 * until then to what they see now, of the conversations as they stand now. What passed on between then and now is told by
 * its own events, which `maySee` judges by every view that they had since.
 */
export class ViewChanges {
  readonly #places: ConversationPlaces
  readonly #texts = new Map<string, string | null>()

  constructor(places: ConversationPlaces) {
    this.#places = places
  }

  /** The event as who asks is told it; null where it brought and took nothing of theirs. Its `maySee` has been asked. */
  textOf(principal: Principal, event: Change): string | null {
    const key = `${event.offset} ${principal.personId} ${visibilityOf(principal)}`
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    if (this.#texts.size >= REMEMBERED_MAX) this.#texts.clear()
    const text = this.#write(principal, event)
    this.#texts.set(key, text)
    return text
  }

  #write(principal: Principal, event: Change): string | null {
    const { ids, more } = this.#named(principal, event)
    if (ids.length === 0 && !more) return null
    const told = JSON.parse(event.json) as { offset: number; type: string; at: string }
    const data = { conversation_ids: ids.map((id) => showId('conversation', id)), ...(more ? { more } : {}) }
    return JSON.stringify({ ...told, data })
  }

  #named({ workspaceId, scope, before }: Principal, { type, change }: Change): Named {
    const past = before?.scopes.find(({ until }) => until === change)
    const isVisible = type === 'conversation.visible'
    // So much has changed since that nobody knows what they saw then.
    if (!past) return { ids: [], more: isVisible }
    return isVisible ? this.#within(workspaceId, scope, past.scope) : this.#within(workspaceId, past.scope, scope)
  }

  /** What is within one scope and not within the other, the newest activity first. */
  #within(workspaceId: number, inside: Scope, outside: Scope): Named {
    if (outside.kind === 'workspace') return NONE
    const found: Found = { places: new Map(), more: false }
    if (inside.kind === 'workspace') this.#look(workspaceId, outside, found, () => true)
    else this.#lookWithin(workspaceId, { inside, outside }, found)
    const newest = [...found.places.values()].sort((one, other) => other.at - one.at)
    return {
      ids: newest.slice(0, NAMED_MAX).map(({ id }) => id),
      more: found.more || newest.length > NAMED_MAX,
    }
  }

  #lookWithin(workspaceId: number, { inside, outside }: { inside: Some; outside: Some }, found: Found): void {
    const take = (places: readonly ConversationPlace[]) => {
      found.more ||= places.length > NAMED_MAX
      for (const place of places) if (!isWithin(outside, seenIn(workspaceId, place))) found.places.set(place.id, place)
    }
    for (const teamId of inside.teamIds) {
      if (!outside.teamIds.includes(teamId)) take(this.#places.ofTeam(workspaceId, teamId, NAMED_MAX + 1))
    }
    if (inside.personId !== null && inside.personId !== outside.personId) {
      take(this.#places.ofPerson(workspaceId, inside.personId, NAMED_MAX + 1))
    }
    const numberIds = inside.numberIds.filter((id) => !outside.numberIds.includes(id))
    if (numberIds.length > 0) this.#look(workspaceId, outside, found, ({ numberId }) => numberIds.includes(numberId))
  }

  /** Among all conversations: those of a number have no index of their own, which would cost every message. */
  #look(workspaceId: number, outside: Scope, found: Found, wants: (place: ConversationPlace) => boolean): void {
    const places = this.#places.newest(workspaceId, LOOKED_AT_MAX + 1)
    found.more ||= places.length > LOOKED_AT_MAX
    for (const place of places) {
      if (wants(place) && !isWithin(outside, seenIn(workspaceId, place))) found.places.set(place.id, place)
    }
  }
}

type Some = Extract<Scope, { kind: 'some' }>

interface Found {
  places: Map<number, ConversationPlace>
  more: boolean
}

function seenIn(workspaceId: number, { id, numberId, assigneeId, teamId }: ConversationPlace) {
  return { workspaceId, conversationId: id, numberId, assigneeId, teamId }
}
