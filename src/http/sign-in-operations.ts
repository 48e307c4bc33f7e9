import { Type } from '@sinclair/typebox'
import { LINK_KINDS } from '../people/accounts.ts'
import { PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN } from '../people/passwords.ts'
import { EMAIL_CHARS_MAX, PERSON_NAME_CHARS_MAX } from '../records/person.ts'
import { type Answer, CLOSED, inPath, type Operation, ok } from './api-operation.ts'

const optional = Type.Optional
const text = (description: string) => Type.String({ minLength: 1, maxLength: 1000, description })
const time = Type.String({ format: 'date-time' })
const textOrNull = Type.Union([Type.String(), Type.Null()])
const newPassword = Type.String({
  minLength: PASSWORD_CHARS_MIN,
  maxLength: PASSWORD_CHARS_MAX,
  description: 'Not made of common words, rows of keys, or who one is. Nothing else is asked of it.',
})
const flag = (name: string) => Type.Object({ [name]: Type.Boolean() }, CLOSED)
const cookieSet = 'The cookie `gatehouse` (over TLS `__Host-gatehouse`) is set.'

const stateSchema = Type.Object(
  { state: Type.Union([Type.Literal('signed_in'), Type.Literal('second_factor_required')]) },
  { ...CLOSED, $id: 'sign_in_state' },
)
const sessionSchema = Type.Object(
  {
    person: Type.Union([Type.Object({ id: Type.String(), name: textOrNull, email: textOrNull }, CLOSED), Type.Null()]),
    role: Type.String(),
    permissions: Type.Array(Type.String()),
    workspace: textOrNull,
    workspaces: Type.Array(Type.String()),
    second_factor: Type.Union([Type.Boolean(), Type.Null()], { description: 'Null: an API key, which has none.' }),
    recovery_codes_left: Type.Union([Type.Integer(), Type.Null()]),
    expires_at: Type.Union([time, Type.Null()]),
  },
  { ...CLOSED, $id: 'session' },
)
const SESSION = {
  person: { id: 'per_3k', name: 'Ada Lindqvist', email: 'ada@example.com' },
  role: 'agent',
  permissions: ['conversations.see_own', 'messages.reply'],
  workspace: 'main',
  workspaces: ['main'],
  second_factor: true,
  recovery_codes_left: 9,
  expires_at: '2026-11-22T21:00:00.000Z',
}
const listed = Type.Object(
  {
    id: Type.String(),
    device: Type.String({ description: 'Browser and system.' }),
    method: Type.Union([Type.Literal('password'), Type.Literal('oidc')]),
    created_at: time,
    used_at: time,
    expires_at: time,
    current: Type.Boolean({ description: 'Whether it is the one that asks.' }),
  },
  CLOSED,
)
const ended = ok(
  'Over, with their sockets.',
  Type.Object({ ended: Type.Integer() }, { ...CLOSED, $id: 'ended_sessions' }),
  {
    ended: 1,
  },
)
const body = (members: Parameters<typeof Type.Object>[0], examples: Readonly<Record<string, object>>) => ({
  schema: Type.Object(members, CLOSED),
  required: true,
  examples,
})
const done = (name: string, description: string): Record<number, Answer> =>
  ok(description, flag(name), { [name]: true })
const OPEN = { tag: 'Signing in', key: 'never' } as const
const MINE = { tag: 'Signing in', key: 'always' } as const
const REFUSES = ['invalid', 'forbidden', 'rate_limited', 'unavailable', 'internal'] as const
const OWN_PAGE = 'Only pages of this house may ask: `Origin` has to be one of its addresses.'

const ENTERING: readonly Operation[] = [
  {
    ...OPEN,
    id: 'signIn',
    method: 'post',
    path: '/api/auth/sign-in',
    summary: 'Sign in with e-mail and password',
    description: `${cookieSet} Who is unknown gets the same answer after the same time. ${OWN_PAGE}`,
    body: body(
      { email: text('Whose it is.'), password: text('Their password.') },
      { Ada: { email: 'ada@example.com', password: 'seven lilac trombones' } },
    ),
    answers: ok('In, or asked for the second factor.', stateSchema, { state: 'signed_in' }),
    refuses: ['unauthorized', ...REFUSES],
  },
  {
    ...OPEN,
    id: 'giveSecondFactor',
    method: 'post',
    path: '/api/auth/second-factor',
    summary: 'Show the second factor',
    description: `With the cookie that the password brought, within five minutes. ${cookieSet}`,
    body: body(
      {
        code: optional(Type.String({ description: 'Six digits of the app; each opens once.' })),
        recovery_code: optional(Type.String({ description: 'Each opens once.' })),
      },
      { 'A code': { code: '492039' }, 'A recovery code': { recovery_code: 'MZXW-6YTB-OI5D-2LKQ' } },
    ),
    answers: ok('In.', stateSchema, { state: 'signed_in' }),
    refuses: ['unauthorized', ...REFUSES],
  },
  {
    ...OPEN,
    id: 'lookAtLink',
    method: 'post',
    path: '/api/auth/links/look',
    summary: 'What a link is for',
    body: body({ token: text('What stands behind `#link=`.') }, { One: { token: 'k3J…' } }),
    answers: ok(
      'It opens.',
      Type.Object(
        { kind: Type.Union(['setup', ...LINK_KINDS].map((kind) => Type.Literal(kind))) },
        { ...CLOSED, $id: 'link_kind' },
      ),
      { kind: 'invitation' },
    ),
    refuses: ['not_found', ...REFUSES],
  },
  {
    ...OPEN,
    id: 'useLink',
    method: 'post',
    path: '/api/auth/links',
    summary: 'Use a link, once',
    description:
      'Sets the password; a link of the kind `second_factor` takes the second factor away and wants the password that there is. All sessions of its owner end.',
    body: body(
      {
        token: text('What stands behind `#link=`.'),
        password: newPassword,
        name: optional(Type.String({ maxLength: PERSON_NAME_CHARS_MAX, description: 'Of the first owner.' })),
        email: optional(Type.String({ maxLength: EMAIL_CHARS_MAX, description: 'Of the first owner.' })),
      },
      { 'An invitation': { token: 'k3J…', password: 'seven lilac trombones' } },
    ),
    answers: done('done', 'Done. Sign in now.'),
    refuses: ['not_found', ...REFUSES],
  },
  {
    ...OPEN,
    id: 'listSignInMethods',
    method: 'get',
    path: '/api/auth/methods',
    summary: 'How one may sign in here',
    answers: ok(
      'What there is.',
      Type.Object(
        { password: Type.Boolean(), oidc: Type.Boolean(), signed_in: Type.Boolean() },
        { ...CLOSED, $id: 'sign_in_methods' },
      ),
      { password: true, oidc: false, signed_in: false },
    ),
  },
  {
    ...OPEN,
    id: 'beginSingleSignOn',
    method: 'post',
    path: '/api/auth/oidc',
    summary: 'Begin the single sign-on',
    description: 'The browser goes to the address and comes back to the callback.',
    body: body(
      { connect: optional(Type.Boolean({ description: 'Connects the identity to whoever is signed in.' })) },
      { 'To sign in': {} },
    ),
    answers: ok('Where to go.', Type.Object({ redirect_to: Type.String() }, { ...CLOSED, $id: 'single_sign_on' }), {
      redirect_to: 'https://login.example.com/auth?client_id=gatehouse&state=…',
    }),
    refuses: ['not_found', 'unauthorized', ...REFUSES],
  },
  {
    ...OPEN,
    id: 'endSingleSignOn',
    method: 'get',
    path: '/api/auth/oidc/callback',
    summary: 'Where the single sign-on sends browsers back to',
    answers: { 303: { description: 'To the console; what went wrong stands behind the `#`.' } },
  },
]

const SESSIONS: readonly Operation[] = [
  {
    ...MINE,
    id: 'getSession',
    method: 'get',
    path: '/api/auth/session',
    summary: 'Who asks, and what they may',
    description: 'The workspace is that of the header `Gatehouse-Workspace`, or the first.',
    answers: ok('You.', sessionSchema, SESSION),
  },
  {
    ...MINE,
    id: 'signOut',
    method: 'post',
    path: '/api/auth/sign-out',
    summary: 'End this session',
    answers: done('signed_out', 'Over, with its sockets.'),
    refuses: ['conflict'],
  },
  {
    ...MINE,
    id: 'listSessions',
    method: 'get',
    path: '/api/auth/sessions',
    summary: 'List your sessions, newest first',
    answers: ok('All of them.', Type.Object({ items: Type.Array(listed) }, { ...CLOSED, $id: 'sessions' }), {
      items: [
        {
          id: 'ses_q2Zx0a1b',
          device: 'Firefox on Linux',
          method: 'password',
          created_at: '2026-11-22T09:00:00.000Z',
          used_at: '2026-11-22T11:30:00.000Z',
          expires_at: '2026-11-22T21:00:00.000Z',
          current: true,
        },
      ],
    }),
    refuses: ['conflict'],
  },
  {
    ...MINE,
    id: 'endOtherSessions',
    method: 'delete',
    path: '/api/auth/sessions',
    summary: 'End all your sessions but this one',
    answers: ended,
    refuses: ['conflict'],
  },
  {
    ...MINE,
    id: 'endSession',
    method: 'delete',
    path: '/api/auth/sessions/{id}',
    summary: 'End one of your sessions',
    parameters: [inPath('id', 'A session’s id.')],
    answers: ended,
    refuses: ['conflict', 'not_found'],
  },
]

const CREDENTIALS: readonly Operation[] = [
  {
    ...MINE,
    id: 'changePassword',
    method: 'post',
    path: '/api/auth/password',
    summary: 'Change your password',
    description: 'All your other sessions end.',
    body: body(
      { password: text('The one there is.'), new_password: newPassword },
      { Another: { password: 'seven lilac trombones', new_password: 'nineteen quiet harbours' } },
    ),
    answers: done('changed', 'Changed.'),
    refuses: ['conflict', 'forbidden', 'unavailable'],
  },
  {
    ...MINE,
    id: 'enrolSecondFactor',
    method: 'post',
    path: '/api/auth/second-factor/enrol',
    summary: 'Begin a second factor',
    body: body({ password: text('Your password.') }, { One: { password: 'seven lilac trombones' } }),
    answers: ok(
      'For an app with codes (TOTP), shown this once. It counts when it is confirmed.',
      Type.Object({ secret: Type.String(), uri: Type.String() }, { ...CLOSED, $id: 'second_factor_secret' }),
      { secret: 'JBSWY3DPEHPK3PXP…', uri: 'otpauth://totp/Gatehouse:ada%40example.com?secret=JBSWY3DPEHPK3PXP…' },
    ),
    refuses: ['conflict', 'forbidden', 'unavailable'],
  },
  {
    ...MINE,
    id: 'confirmSecondFactor',
    method: 'post',
    path: '/api/auth/second-factor/confirm',
    summary: 'Confirm a second factor by its first code',
    body: body({ code: text('Six digits.') }, { One: { code: '492039' } }),
    answers: ok(
      'From now on it is asked for. The recovery codes are shown only here.',
      Type.Object({ recovery_codes: Type.Array(Type.String()) }, { ...CLOSED, $id: 'recovery_codes' }),
      { recovery_codes: ['MZXW-6YTB-OI5D-2LKQ'] },
    ),
    refuses: ['conflict', 'forbidden', 'unavailable'],
  },
  {
    ...MINE,
    id: 'removeSecondFactor',
    method: 'post',
    path: '/api/auth/second-factor/remove',
    summary: 'Take your second factor away',
    body: body(
      { password: text('Your password.'), code: text('Six digits.') },
      { Both: { password: 'seven lilac trombones', code: '492039' } },
    ),
    answers: done('removed', 'Gone, with its recovery codes.'),
    refuses: ['conflict', 'forbidden', 'unavailable'],
  },
  {
    id: 'makeLink',
    method: 'post',
    path: '/api/v1/people/{id}/link',
    tag: 'People',
    needs: 'people.manage',
    summary: 'Make a one-time link for somebody',
    description:
      'To get in for the first time (`invitation`), or again (`password`, `second_factor`). Give it to them yourself: no mail is sent. It opens once, within 72 hours; a newer one of the same kind takes its place. Nobody makes one for somebody who may more than they do.',
    parameters: [inPath('id', 'A person’s id.')],
    body: body(
      { kind: Type.Union(LINK_KINDS.map((kind) => Type.Literal(kind))) },
      { 'An invitation': { kind: 'invitation' } },
    ),
    answers: {
      201: {
        description: 'The link, shown this once.',
        schema: Type.Object(
          { kind: Type.Union(LINK_KINDS.map((kind) => Type.Literal(kind))), url: Type.String(), expires_at: time },
          { ...CLOSED, $id: 'one_time_link' },
        ),
        example: {
          kind: 'invitation',
          url: 'https://desk.example.com/#link=k3J…',
          expires_at: '2026-11-25T09:00:00.000Z',
        },
      },
    },
    refuses: ['not_found', 'conflict', 'unavailable'],
    key: 'always',
  },
]

/** Signing in with a browser. */
export const SIGN_IN: readonly Operation[] = [...ENTERING, ...SESSIONS, ...CREDENTIALS]
