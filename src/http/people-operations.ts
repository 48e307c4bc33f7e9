import { Type } from '@sinclair/typebox'
import { PERMISSIONS } from '../core/permissions.ts'
import { PEOPLE_COLUMNS } from '../people/people-file.ts'
import { LANGUAGES_MAX, SKILL_CHARS_MAX, SKILLS_MAX } from '../people/people-words.ts'
import {
  EMAIL_CHARS_MAX,
  PEOPLE_AT_ONCE_MAX,
  PERSON_NAME_CHARS_MAX,
  PERSON_STATES,
  WEEKDAYS,
} from '../records/person.ts'
import { ROLE_NAME_CHARS_MAX } from '../records/role.ts'
import { TEAM_NAME_CHARS_MAX } from '../records/team.ts'
import { CLOSED, inPath, type Operation, ok, PAGE, query } from './api-operation.ts'
import { importFault, page } from './api-schemas.ts'

const optional = Type.Optional
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength })
const named = Type.Object({ id: Type.String(), name: Type.String() }, CLOSED)
const textOrNull = Type.Union([Type.String(), Type.Null()])

const shift = Type.Array(Type.String({ description: 'Such as `09:00`.' }), { minItems: 2, maxItems: 2 })
const work = {
  languages: Type.Array(Type.String(), { maxItems: LANGUAGES_MAX, description: 'BCP 47, such as `en` or `pt-BR`.' }),
  skills: Type.Array(text(SKILL_CHARS_MAX), { maxItems: SKILLS_MAX }),
  zone: Type.Union([Type.String(), Type.Null()], {
    description: 'IANA, such as `Europe/Berlin`. Null: that of the house.',
  }),
  hours: Type.Union(
    [Type.Object(Object.fromEntries(WEEKDAYS.map((day) => [day, optional(Type.Array(shift))])), CLOSED), Type.Null()],
    { description: 'Shifts by weekday, in the zone. Null: always.' },
  ),
}
const asked = Object.fromEntries(Object.entries(work).map(([name, schema]) => [name, optional(schema)]))

const personSchema = Type.Object(
  {
    id: Type.String(),
    name: textOrNull,
    email: textOrNull,
    role: named,
    state: Type.Union(PERSON_STATES.map((state) => Type.Literal(state))),
    teams: Type.Array(named),
    ...work,
    created_at: Type.String({ format: 'date-time' }),
  },
  { ...CLOSED, $id: 'person' },
)
const newPerson = {
  name: text(PERSON_NAME_CHARS_MAX),
  email: Type.String({ maxLength: EMAIL_CHARS_MAX }),
  role: Type.String({ description: 'The name or the id of a role.' }),
  ...asked,
}
const peopleRequestSchema = Type.Object(
  {
    ...Object.fromEntries(Object.entries(newPerson).map(([name, schema]) => [name, optional(schema)])),
    people: optional(Type.Array(Type.Object(newPerson, CLOSED), { maxItems: PEOPLE_AT_ONCE_MAX })),
  },
  { ...CLOSED, $id: 'people_request', description: 'One person, or a list in `people`: all or none.' },
)
const peopleAnswerSchema = Type.Union([personSchema, Type.Object({ people: Type.Array(personSchema) }, CLOSED)])
const personChangeSchema = Type.Object(
  {
    name: optional(text(PERSON_NAME_CHARS_MAX)),
    role: optional(Type.String()),
    state: optional(Type.Union(PERSON_STATES.map((state) => Type.Literal(state)))),
    ...asked,
  },
  { ...CLOSED, $id: 'person_change', description: 'What is absent stays.' },
)
const workspacesSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          name: Type.String({ description: 'As the configuration has it.' }),
          current: Type.Boolean({ description: 'Whether this request is in it.' }),
        },
        CLOSED,
      ),
    ),
  },
  { ...CLOSED, $id: 'workspaces' },
)
const WORKSPACE = { id: 'wsp_1', name: 'main', current: true }

const roleSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    permissions: Type.Array(Type.Union(Object.keys(PERMISSIONS).map((name) => Type.Literal(name)))),
    given: Type.Boolean({ description: 'One of those that every workspace begins with.' }),
  },
  { ...CLOSED, $id: 'role' },
)
const permissionNames = Type.Array(Type.Union(Object.keys(PERMISSIONS).map((name) => Type.Literal(name))))
const teamSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    people: Type.Array(Type.String()),
    numbers: Type.Array(Type.String(), { description: 'The numbers it answers on, by their ids at the platform.' }),
  },
  { ...CLOSED, $id: 'team' },
)
const removed = (what: string) =>
  Type.Object({ id: Type.String(), removed: Type.Boolean() }, { ...CLOSED, $id: `removed_${what}` })

const ADA = {
  id: 'per_3k',
  name: 'Ada Lindqvist',
  email: 'ada@example.com',
  role: { id: 'rol_4', name: 'agent' },
  state: 'active',
  teams: [{ id: 'tea_7', name: 'support' }],
  languages: ['en', 'sv'],
  skills: ['billing'],
  zone: 'Europe/Stockholm',
  hours: null,
  created_at: '2026-11-22T09:00:00.000Z',
}
const NEW = { ...ADA, teams: [] }
const { id: _id, state: _state, teams: _teams, created_at: _created, role: _role, ...ASK } = ADA
const ROLE = {
  id: 'rol_9',
  name: 'night shift',
  permissions: ['conversations.see_team', 'messages.reply'],
  given: false,
}
const TEAM = { id: 'tea_7', name: 'support', people: ['per_3k'], numbers: ['106540352242922'] }
const PERSON_ID = inPath('id', 'A person’s id.')
const ROLE_ID = inPath('id', 'A role’s id.')
const TEAM_ID = inPath('id', 'A team’s id.')
const importSchema = Type.Object(
  {
    rows: Type.Integer(),
    faults: Type.Array(importFault),
    would_add: optional(Type.Integer()),
    added: optional(Type.Integer()),
  },
  { ...CLOSED, $id: 'people_import' },
)

/** People who work here, their roles and teams, and what they have. */
export const PEOPLE: readonly Operation[] = [
  {
    id: 'listPeople',
    method: 'get',
    path: '/api/v1/people',
    tag: 'People',
    needs: 'people.see',
    summary: 'List who works in the workspace',
    parameters: PAGE,
    answers: ok('A page.', page('person', personSchema), { items: [ADA], next: null, as_of: 129 }),
    key: 'always',
  },
  {
    id: 'addPeople',
    method: 'post',
    path: '/api/v1/people',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Add a person, or many',
    description: 'Nobody gives a role that may more than they do. Of a list all are added or none.',
    body: { schema: peopleRequestSchema, required: true, examples: { 'One person': { ...ASK, role: 'agent' } } },
    answers: { 201: { description: 'Added.', schema: peopleAnswerSchema, example: NEW } },
    refuses: ['conflict'],
    key: 'always',
  },
  {
    id: 'importPeople',
    method: 'post',
    path: '/api/v1/people/import',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Add people from a CSV file',
    description:
      `The body is the file: a heading with ${PEOPLE_COLUMNS.map((name) => `\`${name}\``).join(', ')}, then a row for each, at most ` +
      `${PEOPLE_AT_ONCE_MAX}. All are added or none; the refusal has \`faults\` with row, column and what is wrong.`,
    parameters: [query('dry_run', Type.Boolean(), '`true`: only says what it would do.')],
    body: { schema: Type.String(), required: true, examples: {}, contentType: 'text/csv' },
    answers: {
      200: { description: 'What it would do.', schema: importSchema },
      201: { description: 'Added.', schema: importSchema, example: { added: 120, rows: 120, faults: [] } },
    },
    refuses: ['conflict'],
    key: 'always',
  },
  {
    id: 'getPerson',
    method: 'get',
    path: '/api/v1/people/{id}',
    tag: 'People',
    needs: 'people.see',
    summary: 'Read a person',
    parameters: [PERSON_ID],
    answers: ok('The person.', personSchema, ADA),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'changePerson',
    method: 'patch',
    path: '/api/v1/people/{id}',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Change a person',
    description:
      'A new role or state holds from the answer on. What comes into their view or leaves it is told as `conversation.visible` ' +
      'and `conversation.gone`; pages, and programs that may do other things than before, are closed with 4003, and whoever ' +
      'may nothing any more with 4503. The last owner stays one.',
    parameters: [PERSON_ID],
    body: { schema: personChangeSchema, required: true, examples: { 'Not for now': { state: 'suspended' } } },
    answers: ok('As it is now.', personSchema, ADA),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'removePerson',
    method: 'delete',
    path: '/api/v1/people/{id}',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Remove a person from the workspace',
    parameters: [PERSON_ID],
    answers: ok('Removed.', removed('person'), { id: 'per_3k', removed: true }),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'listWorkspaces',
    method: 'get',
    path: '/api/v1/workspaces',
    tag: 'People',
    summary: 'List the workspaces that you work in',
    description:
      'Brands or subsidiaries whose data is apart. The bootstrap token, and keys of `main` that speak for nobody, are bound to no number and may `workspaces.manage`, work in all of them.',
    answers: ok('All of them.', workspacesSchema, { items: [WORKSPACE] }),
    key: 'always',
  },
  {
    id: 'listRoles',
    method: 'get',
    path: '/api/v1/roles',
    tag: 'People',
    needs: 'people.see',
    summary: 'List the roles',
    answers: ok('All of them.', page('role', roleSchema), { items: [ROLE], next: null, as_of: 129 }),
    key: 'always',
  },
  {
    id: 'addRole',
    method: 'post',
    path: '/api/v1/roles',
    tag: 'People',
    needs: 'roles.manage',
    summary: 'Add a role',
    description: 'Nobody gives a permission that they do not have.',
    body: {
      schema: Type.Object(
        { name: text(ROLE_NAME_CHARS_MAX), permissions: permissionNames },
        { ...CLOSED, $id: 'role_request' },
      ),
      required: true,
      examples: { 'Night shift': { name: 'night shift', permissions: ['conversations.see_team', 'messages.reply'] } },
    },
    answers: { 201: { description: 'Added.', schema: roleSchema, example: ROLE } },
    refuses: ['conflict'],
    key: 'always',
  },
  {
    id: 'changeRole',
    method: 'patch',
    path: '/api/v1/roles/{id}',
    tag: 'People',
    needs: 'roles.manage',
    summary: 'Change what a role may',
    description: 'It holds for everybody who has it, from the answer on. The owner’s role is not changed.',
    parameters: [ROLE_ID],
    body: {
      schema: Type.Object({ permissions: permissionNames }, { ...CLOSED, $id: 'role_change' }),
      required: true,
      examples: {},
    },
    answers: ok('As it is now.', roleSchema, ROLE),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'removeRole',
    method: 'delete',
    path: '/api/v1/roles/{id}',
    tag: 'People',
    needs: 'roles.manage',
    summary: 'Remove a role that nobody has',
    parameters: [ROLE_ID],
    answers: ok('Removed.', removed('role'), { id: 'rol_9', removed: true }),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'listTeams',
    method: 'get',
    path: '/api/v1/teams',
    tag: 'People',
    needs: 'people.see',
    summary: 'List the teams',
    answers: ok('All of them.', page('team', teamSchema), { items: [TEAM], next: null, as_of: 129 }),
    key: 'always',
  },
  {
    id: 'addTeam',
    method: 'post',
    path: '/api/v1/teams',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Add a team',
    body: {
      schema: Type.Object(
        {
          name: text(TEAM_NAME_CHARS_MAX),
          people: optional(Type.Array(Type.String())),
          numbers: optional(Type.Array(Type.String())),
        },
        { ...CLOSED, $id: 'team_request' },
      ),
      required: true,
      examples: { Support: { name: 'support', people: ['per_3k'], numbers: ['106540352242922'] } },
    },
    answers: { 201: { description: 'Added.', schema: teamSchema, example: TEAM } },
    refuses: ['conflict', 'not_found'],
    key: 'always',
  },
  {
    id: 'changeTeam',
    method: 'patch',
    path: '/api/v1/teams/{id}',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Change a team',
    description: 'A list is all there is from then on.',
    parameters: [TEAM_ID],
    body: {
      schema: Type.Object(
        {
          name: optional(text(TEAM_NAME_CHARS_MAX)),
          people: optional(Type.Array(Type.String())),
          numbers: optional(Type.Array(Type.String())),
        },
        { ...CLOSED, $id: 'team_change' },
      ),
      required: true,
      examples: {},
    },
    answers: ok('As it is now.', teamSchema, TEAM),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'removeTeam',
    method: 'delete',
    path: '/api/v1/teams/{id}',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Remove a team that has no conversation',
    parameters: [TEAM_ID],
    answers: ok('Removed.', removed('team'), { id: 'tea_7', removed: true }),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'assignConversation',
    method: 'post',
    path: '/api/v1/conversations/{id}/assign',
    tag: 'Conversations',
    needs: 'conversations.assign',
    summary: 'Give a conversation to somebody, to a team, or to nobody',
    description:
      'What is absent stays. Told as `conversation.assigned` to whoever sees it, `conversation.visible` to whoever does only now, ' +
      '`conversation.gone` to whoever does no more.',
    parameters: [inPath('id', 'A conversation’s id.')],
    body: {
      schema: Type.Object(
        { assignee: optional(textOrNull), team: optional(textOrNull) },
        { ...CLOSED, $id: 'assignment_request' },
      ),
      required: true,
      examples: { 'To Ada': { assignee: 'per_3k' } },
    },
    answers: ok(
      'As it is now.',
      Type.Object({ id: Type.String(), assignee: textOrNull, team: textOrNull }, { ...CLOSED, $id: 'assignment' }),
      { id: 'cnv_g', assignee: 'per_3k', team: null },
    ),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
]
