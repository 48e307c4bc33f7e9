import { Type } from '@sinclair/typebox'
import { CLOSED, type Operation, ok, PAGE, query } from './api-operation.ts'
import { page } from './api-schemas.ts'

const orNull = (schema: ReturnType<typeof Type.String>, description: string) =>
  Type.Union([schema, Type.Null()], { description })

const entrySchema = Type.Object(
  {
    id: Type.String({ description: 'Opaque. Ids of one house have no gaps.' }),
    at: Type.String({ format: 'date-time' }),
    actor: Type.Object(
      {
        id: Type.String({ description: 'Opaque; the same for every act with the same key.' }),
        by: Type.Union([Type.Literal('api_key'), Type.Literal('session'), Type.Literal('command')]),
        person: orNull(Type.String(), 'Who that is, where it is somebody who works here.'),
      },
      CLOSED,
    ),
    action: Type.String({ description: 'What was done, as `noun.verb`. New ones may come.' }),
    object: orNull(Type.String(), 'Our id of what it was done to; of `access.refuse` the route.'),
    outcome: Type.String({ description: '`done`, or the code of the refusal.' }),
    times: Type.Integer({ minimum: 1, description: 'More than 1 where one entry tells of a minute.' }),
    detail: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
      description:
        'What is personal of it, such as the words of a search in a conversation. Of a search everywhere there is a keyed hash ' +
        'of the words: the same search has the same.',
    }),
    erased: Type.Boolean({ description: 'There was a detail, and it was erased with the person whom it was about.' }),
  },
  { ...CLOSED, $id: 'audit_entry' },
)

const SEARCH = {
  id: 'aud_2n9',
  at: '2026-11-22T09:14:03.220Z',
  actor: { id: 'p_4sD0vYk2', by: 'session', person: 'per_3f' },
  action: 'search.run',
  object: 'cnv_2j',
  outcome: 'done',
  times: 1,
  detail: { q: 'broken kettle', conversation_id: 'cnv_2j' },
  erased: false,
}
const OPENED = { ...SEARCH, id: 'aud_2n8', action: 'contact.open', object: 'con_2h', detail: null }

/** Who did and saw what. */
export const AUDIT: readonly Operation[] = [
  {
    id: 'listAudit',
    method: 'get',
    path: '/api/v1/audit',
    tag: 'Audit',
    needs: 'audit.read',
    summary: 'Read who did and saw what, newest first',
    description:
      'Every act of a person, a key or a command, and every look at personal data. The same of the same is noted once a ' +
      'minute. A page may hold fewer than `limit` entries although `next` says that there are more: only so many are looked at.',
    parameters: [
      ...PAGE,
      query('actor', Type.String(), 'Only of one key or session by its opaque id, or of a person by theirs (`per_…`).'),
      query('action', Type.String(), 'Only of one kind, such as `contact.open`.'),
      query('object', Type.String(), 'Only about one thing, by its id.'),
      query('from', Type.String({ format: 'date-time' }), 'Not before.'),
      query('to', Type.String({ format: 'date-time' }), 'Before.'),
    ],
    answers: ok('A page.', page('audit_entry', entrySchema), { items: [SEARCH, OPENED], next: null, as_of: 129 }),
    key: 'always',
  },
]
