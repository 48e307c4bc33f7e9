import { Type } from '@sinclair/typebox'
import { PERMISSIONS } from '../core/permissions.ts'
import { GIVEN_ROLES } from '../people/roles.ts'
import { KEY_NAME_CHARS_MAX } from '../records/api-key.ts'
import { CLOSED, inPath, type Operation, ok, PAGE, timeOrNull } from './api-operation.ts'
import { page } from './api-schemas.ts'
import { KEY_NUMBERS_MAX } from './keys-api.ts'

const optional = Type.Optional
const permissions = Type.Array(Type.Union(Object.keys(PERMISSIONS).map((name) => Type.Literal(name))), {
  description: Object.entries(PERMISSIONS)
    .map(([name, meaning]) => `- \`${name}\`: ${meaning}`)
    .join('\n'),
})
const numbersOrNull = Type.Union(
  [Type.Array(Type.Union([Type.String(), Type.Null()]), { maxItems: KEY_NUMBERS_MAX }), Type.Null()],
  { description: 'The platform’s ids of the numbers whose conversations it sees and that it sends from. Null: all.' },
)

const shown = {
  id: Type.String({ description: 'Opaque.' }),
  name: Type.String(),
  hint: Type.String({ description: 'The key’s last characters.' }),
  actor: Type.String({ description: 'What the audit calls whoever comes with it.' }),
  person: Type.Union([Type.String(), Type.Null()], {
    description: 'Whom it speaks for: it may and sees at most what they do. Null: nobody.',
  }),
  role: Type.String({ description: 'The role that its permissions were taken from, or `custom`.' }),
  permissions,
  numbers: numbersOrNull,
  created_at: Type.String({ format: 'date-time' }),
  expires_at: timeOrNull('From then on it opens nothing. Null: never.'),
  last_used_at: timeOrNull('To the minute.'),
}
const keySchema = Type.Object(shown, { ...CLOSED, $id: 'api_key' })
const newKeySchema = Type.Object(
  { ...shown, key: Type.String({ description: 'The key itself. It is shown only here: only its hash is kept.' }) },
  { ...CLOSED, $id: 'new_api_key' },
)
const askSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: KEY_NAME_CHARS_MAX,
      description: 'What it is for; nothing personal.',
    }),
    person: optional(
      Type.Union([Type.String(), Type.Null()], { description: 'Whom it speaks for; else whoever asks.' }),
    ),
    role: optional(Type.Union(Object.keys(GIVEN_ROLES).map((name) => Type.Literal(name)))),
    permissions: optional(permissions),
    numbers: optional(numbersOrNull),
    expires_at: optional(timeOrNull('At the latest when the key that makes it expires.')),
  },
  {
    ...CLOSED,
    $id: 'api_key_request',
    description: 'By a role, or by permissions; without either like the key that asks.',
  },
)

const SHOP = {
  id: 'key_4b',
  name: 'web shop',
  hint: 'Qm2x',
  actor: 'p_4sD0vYk2',
  person: null,
  role: 'custom',
  permissions: ['messages.reply', 'messages.start'],
  numbers: ['106540352242922'],
  created_at: '2026-11-22T09:00:00.000Z',
  expires_at: '2027-11-22T00:00:00.000Z',
  last_used_at: null,
}

/** API keys. */
export const KEYS: readonly Operation[] = [
  {
    id: 'listKeys',
    method: 'get',
    path: '/api/v1/keys',
    tag: 'Keys',
    needs: 'keys.manage',
    summary: 'List the API keys that hold, newest first',
    parameters: PAGE,
    answers: ok('A page.', page('api_key', keySchema), { items: [SHOP], next: null, as_of: 129 }),
    key: 'always',
  },
  {
    id: 'makeKey',
    method: 'post',
    path: '/api/v1/keys',
    tag: 'Keys',
    needs: 'keys.manage',
    summary: 'Make an API key',
    description: 'Nobody gives a permission, a number or a time that they do not have themselves.',
    body: {
      schema: askSchema,
      required: true,
      examples: {
        'A shop that sends': {
          name: 'web shop',
          permissions: ['messages.reply', 'messages.start'],
          numbers: ['106540352242922'],
          expires_at: '2027-11-22T00:00:00Z',
        },
        'An agent’s program': { name: 'helper of the support desk', role: 'agent' },
      },
    },
    answers: { 201: { description: 'Made.', schema: newKeySchema, example: { ...SHOP, key: 'gh_…Qm2x' } } },
    refuses: ['conflict'],
    key: 'always',
  },
  {
    id: 'revokeKey',
    method: 'delete',
    path: '/api/v1/keys/{id}',
    tag: 'Keys',
    needs: 'keys.manage',
    summary: 'Revoke an API key',
    description: 'From the answer on it opens nothing, and its sockets are closed.',
    parameters: [inPath('id', 'A key’s id.')],
    answers: ok(
      'Revoked, now or before.',
      Type.Object({ id: Type.String(), revoked: Type.Boolean() }, { ...CLOSED, $id: 'revoked_key' }),
      { id: 'key_4b', revoked: true },
    ),
    refuses: ['not_found'],
    key: 'always',
  },
]
