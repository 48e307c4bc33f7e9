import { Type } from '@sinclair/typebox'
import { CLOSED, inPath, type Operation, ok, PAGE, timeOrNull } from './api-operation.ts'
import { page } from './api-schemas.ts'

const time = (description: string) => Type.String({ format: 'date-time', description })

const reportSchema = Type.Object(
  {
    id: Type.String(),
    contact_ids: Type.Array(Type.String()),
    person_id: Type.Optional(Type.String({ description: 'Of who worked here.' })),
    requested_at: time('When it was asked for.'),
    requested_by: Type.String({ description: 'An opaque id, or `command line`.' }),
    done_at: time('When the last of it was gone.'),
    erased: Type.Record(Type.String(), Type.Integer(), { description: 'How many, by what it was.' }),
    copies: Type.Array(
      Type.Object(
        {
          of: Type.String(),
          unreadable_since: Type.Optional(Type.String({ format: 'date-time' })),
          unreadable_from: Type.Optional(timeOrNull('Null: when the backups expire.')),
          because: Type.String(),
        },
        CLOSED,
      ),
      { description: 'What cannot be edited, and when nobody can read it any more.' },
    ),
  },
  { ...CLOSED, $id: 'erasure_report', description: 'What was erased. It holds nothing personal.' },
)

const erasureSchema = Type.Object(
  {
    id: Type.String(),
    state: Type.Union([Type.Literal('running'), Type.Literal('done')], {
      description: 'Already while it runs nothing of the person can be read.',
    }),
    contact_ids: Type.Array(Type.String(), { description: 'Everybody they were merged with too.' }),
    person_id: Type.Optional(Type.String({ description: 'Of who worked here; then there are no contacts.' })),
    requested_at: time('When it was asked for.'),
    requested_by: Type.String({ description: 'An opaque id, or `command line`.' }),
    done_at: timeOrNull('When the last of it was gone.'),
    report: Type.Union([reportSchema, Type.Null()]),
    report_sha256: Type.Union([Type.String(), Type.Null()], { description: 'Of the report as JSON without spaces.' }),
  },
  { ...CLOSED, $id: 'erasure' },
)

const RUNNING = {
  id: 'ers_3b',
  state: 'running',
  contact_ids: ['con_2h'],
  requested_at: '2026-11-22T09:10:00.000Z',
  requested_by: 'key_1',
  done_at: null,
  report: null,
  report_sha256: null,
}
const DONE = {
  ...RUNNING,
  state: 'done',
  done_at: '2026-11-22T09:10:02.120Z',
  report: {
    id: 'ers_3b',
    contact_ids: ['con_2h'],
    requested_at: '2026-11-22T09:10:00.000Z',
    requested_by: 'key_1',
    done_at: '2026-11-22T09:10:02.120Z',
    erased: { messages: 214, files: 12, statuses: 388, contacts: 1, consents: 1, journal_entries: 41 },
    copies: [
      {
        of: 'records_and_media_in_backups',
        unreadable_since: '2026-11-22T09:10:00.031Z',
        because: 'the keys are destroyed; a copy of vault.db that is older than this keeps them: let it expire',
      },
      {
        of: 'journal_in_backups',
        unreadable_from: '2026-12-01T00:00:00.000Z',
        because: 'the key of a day of the journal is destroyed 8 days after its end',
      },
    ],
  },
  report_sha256: '5f0b1e3a9d7c46f2b8e41d0c7a6953fe12ab34cd56ef7890a1b2c3d4e5f60718',
}

/** Erasing people. */
export const ERASURES: readonly Operation[] = [
  {
    id: 'eraseContact',
    method: 'delete',
    path: '/api/v1/contacts/{id}',
    tag: 'Contacts',
    needs: 'contacts.erase',
    summary: 'Erase a person for good',
    description:
      'With everybody they are merged with. When it is answered, their keys are destroyed: nothing of them can be read any ' +
      'more, here or in a copy. Then their rows, files, search terms and what the journal holds of them go, and the report ' +
      'says so. Conversations and figures stay, without anything personal. Who writes again is somebody new.',
    parameters: [inPath('id', 'A contact’s id.')],
    answers: { 202: { description: 'Begun, or begun before.', schema: erasureSchema, example: RUNNING } },
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'erasePerson',
    method: 'delete',
    path: '/api/v1/people/{id}/profile',
    tag: 'People',
    needs: 'people.erase',
    summary: 'Erase for good who worked here',
    description:
      'Somebody who was removed from every workspace. When it is answered, their key is destroyed: name and e-mail address ' +
      'can be read by nobody any more, here or in a copy, nor what is personal of them in the audit, whose chain still holds. ' +
      'What they did stays, under an id that says nothing.',
    parameters: [inPath('id', 'The id that they had.')],
    answers: {
      202: {
        description: 'Begun, or begun before.',
        schema: erasureSchema,
        example: { ...RUNNING, contact_ids: [], person_id: 'per_3k' },
      },
    },
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'listErasures',
    method: 'get',
    path: '/api/v1/erasures',
    tag: 'Contacts',
    needs: 'erasures.see',
    summary: 'List erasures, newest first',
    parameters: PAGE,
    answers: ok('A page.', page('erasure', erasureSchema), { items: [DONE], next: null, as_of: 129 }),
    key: 'always',
  },
  {
    id: 'getErasure',
    method: 'get',
    path: '/api/v1/erasures/{id}',
    tag: 'Contacts',
    needs: 'erasures.see',
    summary: 'Read an erasure and its report',
    parameters: [inPath('id', 'An erasure’s id.')],
    answers: ok('The erasure.', erasureSchema, DONE),
    refuses: ['not_found'],
    key: 'always',
  },
]
