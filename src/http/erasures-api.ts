import { Elysia } from 'elysia'
import type { Actor } from '../core/principal.ts'
import type { ErasureReader } from '../records/erasure-reader.ts'
import type { Reader } from '../records/reader.ts'
import { knownBody } from './body.ts'
import { type Asked, found, idOf, json, pageOf, type RouteDependencies, route, seeOf } from './route.ts'

export interface ErasureDependencies extends RouteDependencies {
  reader: Pick<Reader, 'contacts'>
  erasures: ErasureReader
  /** Begins to erase a contact and answers the erasure; nothing of them can be read any more when it resolves. */
  erase(contactId: number, by: Actor): Promise<number>
  /** The same for who worked in the workspace of whoever asks, and does not any more. */
  eraseStaff(personId: number, by: Actor): Promise<number>
}

/** Erasing people: they are gone at once, the report comes when the last of their rows is. */
export function erasureRoutes(deps: ErasureDependencies): Elysia {
  const app = new Elysia({ name: 'erasures', prefix: '/api/v1' })
  app.delete(
    '/contacts/:id',
    route(deps, { pattern: '/api/v1/contacts/:id', rule: 'contacts.erase' }, (asked) => eraseContact(deps, asked)),
    { parse: 'none' },
  )
  app.delete(
    '/people/:id/profile',
    route(deps, { pattern: '/api/v1/people/:id/profile', rule: 'people.erase' }, (asked) => eraseStaff(deps, asked)),
    { parse: 'none' },
  )
  app.get(
    '/erasures',
    route(deps, { pattern: '/api/v1/erasures', rule: 'erasures.see' }, async (asked) => listErasures(deps, asked), [
      'limit',
      'cursor',
    ]),
  )
  app.get(
    '/erasures/:id',
    route(deps, { pattern: '/api/v1/erasures/:id', rule: 'erasures.see' }, async (asked) => getErasure(deps, asked)),
  )
  return app as unknown as Elysia
}

async function eraseContact(deps: ErasureDependencies, asked: Asked): Promise<Response> {
  await knownBody(asked.request, [])
  const id = idOf('contact', asked.params)
  found(deps.reader.contacts.familyOf(id, seeOf(asked.principal)), 'contact')
  const erasureId = deps.erasures.ofContact(id) ?? (await deps.erase(id, asked.principal))
  return json(found(deps.erasures.one(erasureId, asked.principal.workspaceId), 'erasure'), 202)
}

async function eraseStaff(deps: ErasureDependencies, asked: Asked): Promise<Response> {
  await knownBody(asked.request, [])
  const erasureId = await deps.eraseStaff(idOf('person', asked.params), asked.principal)
  return json(found(deps.erasures.one(erasureId, asked.principal.workspaceId), 'erasure'), 202)
}

function listErasures({ erasures }: ErasureDependencies, asked: Asked): object {
  return erasures.list(pageOf(asked.query), seeOf(asked.principal))
}

function getErasure({ erasures }: ErasureDependencies, asked: Asked): object {
  return found(erasures.one(idOf('erasure', asked.params), asked.principal.workspaceId), 'erasure')
}
