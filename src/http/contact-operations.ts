import { Type } from '@sinclair/typebox'
import { contactViewSchema } from '../realtime/schemas.ts'
import { ATTRIBUTES_MAX } from '../records/contact-change.ts'
import { EXAMPLES } from './api-examples.ts'
import { CLOSED, inPath, type Operation, ok, PAGE } from './api-operation.ts'
import { conversationPageSchema, page } from './api-schemas.ts'
import { ATTRIBUTE_CHARS_MAX, ATTRIBUTE_KEY_CHARS_MAX, EMAILS_MAX, NAME_CHARS_MAX } from './contacts-api.ts'

const optional = Type.Optional
const CONTACT_ID = inPath('id', 'A contact’s id.')

const contactPageSchema = page('contact', contactViewSchema)

const lookUpSchema = Type.Object(
  {
    phone: optional(Type.String({ description: 'E.164. Found in each form in which platforms write it.' })),
    user_id: optional(Type.String()),
    username: optional(Type.String()),
    email: optional(Type.String()),
    portfolio: optional(Type.String({ description: 'Only there. By default the first that knows them.' })),
  },
  { ...CLOSED, $id: 'contact_lookup', description: 'One of phone, user id, username, e-mail address.' },
)

const changeSchema = Type.Object(
  {
    name: optional(
      Type.Union([Type.String({ minLength: 1, maxLength: NAME_CHARS_MAX }), Type.Null()], {
        description: 'Wins over the name of the profile. Null: the profile’s again.',
      }),
    ),
    attributes: optional(
      Type.Union(
        [
          Type.Record(
            Type.String(),
            Type.Union([Type.String({ maxLength: ATTRIBUTE_CHARS_MAX }), Type.Number(), Type.Boolean(), Type.Null()]),
          ),
          Type.Null(),
        ],
        {
          description: `A merge patch (RFC 7396): null takes one away, or all. At most ${ATTRIBUTES_MAX}, their names of at most ${ATTRIBUTE_KEY_CHARS_MAX} characters.`,
        },
      ),
    ),
    emails: optional(
      Type.Array(Type.String(), {
        maxItems: EMAILS_MAX,
        description: 'All there are from now on. An address is that of one contact.',
      }),
    ),
  },
  { ...CLOSED, $id: 'contact_change' },
)

const mergeRequestSchema = Type.Object(
  { into: Type.String({ description: 'The contact that is shown from now on.' }) },
  { ...CLOSED, $id: 'merge_request' },
)

const mergeSchema = Type.Object(
  { id: Type.String(), contact: Type.String(), into: Type.String() },
  { $id: 'merge', description: 'Who was merged into whom, or is not any more.' },
)

const CONTACT = {
  id: 'con_2h',
  name: 'Amina Farouk (Riverside)',
  profile_name: 'Amina Farouk',
  book_name: null,
  phone: '+12025550143',
  user_id: 'US.1234567890',
  username: null,
  parent_user_id: null,
  identities: [
    {
      kind: 'phone',
      value: '+12025550143',
      source: 'message',
      since: '2026-11-22T09:00:00.412Z',
      until: null,
      contact_id: 'con_2h',
    },
    {
      kind: 'email',
      value: 'amina@riverside.example',
      source: 'api',
      since: '2026-11-22T09:05:00.000Z',
      until: null,
      contact_id: 'con_2h',
    },
  ],
  attributes: { customer_number: 'R-1183', newsletter: true },
  consents: { marketing_messages: { value: 'stop', at: '2026-11-22T09:04:00.000Z', source: 'platform' } },
  merged_into: null,
  merged: [],
  created_at: '2026-11-22T09:00:00.412Z',
}
const MERGE = { id: 'mrg_2z', contact: 'con_2q', into: 'con_2h' }

export const CONTACTS: readonly Operation[] = [
  {
    id: 'listContacts',
    method: 'get',
    path: '/api/v1/contacts',
    tag: 'Contacts',
    needs: 'contacts.see_names',
    summary: 'List contacts, newest first',
    description: 'Who is merged into another is shown in the other.',
    parameters: PAGE,
    answers: ok('A page.', contactPageSchema, { items: [CONTACT], next: null, as_of: 128 }),
    key: 'always',
  },
  {
    id: 'lookUpContact',
    method: 'post',
    path: '/api/v1/contacts/lookup',
    tag: 'Contacts',
    needs: 'contacts.see_names',
    summary: 'Find a contact by what they are known by',
    description: 'In the body, so that no phone number stands in an address or a log.',
    body: { schema: lookUpSchema, required: true, examples: { 'By phone': { phone: '+12025550143' } } },
    answers: ok('Who is known by it now.', contactViewSchema, CONTACT),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'getContact',
    method: 'get',
    path: '/api/v1/contacts/{id}',
    tag: 'Contacts',
    needs: 'contacts.see_names',
    summary: 'Read a contact',
    description: 'Of one that is merged into another: its own part, and `merged_into`.',
    parameters: [CONTACT_ID],
    answers: ok('The contact.', contactViewSchema, CONTACT),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'changeContact',
    method: 'patch',
    path: '/api/v1/contacts/{id}',
    tag: 'Contacts',
    needs: 'contacts.change',
    summary: 'Change its name, attributes and e-mail addresses',
    description: 'Those of this contact itself; what contacts merged into it bring stays theirs.',
    parameters: [CONTACT_ID],
    body: {
      schema: changeSchema,
      required: true,
      examples: { 'One attribute more, one less': { attributes: { customer_number: 'R-1183', lead: null } } },
    },
    answers: ok('The contact.', contactViewSchema, CONTACT),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'listConversationsOfContact',
    method: 'get',
    path: '/api/v1/contacts/{id}/conversations',
    tag: 'Contacts',
    summary: 'List its conversations, newest activity first',
    description: 'On all numbers, and those of everybody it is one with.',
    parameters: [CONTACT_ID, ...PAGE],
    answers: ok('A page.', conversationPageSchema, EXAMPLES.conversations),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'mergeContact',
    method: 'post',
    path: '/api/v1/contacts/{id}/merge',
    tag: 'Contacts',
    needs: 'contacts.change',
    summary: 'Say that it is the same person as another',
    description:
      'Nothing moves: conversations stay as they are and are shown with the other contact, and messages go on coming where ' +
      'they came. A message into a conversation goes to what its own contact is known by, and to that of the others only ' +
      'where nothing is left.',
    parameters: [CONTACT_ID],
    body: { schema: mergeRequestSchema, required: true, examples: { 'Into another': { into: 'con_2h' } } },
    answers: ok('They are one.', mergeSchema, MERGE),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'unmergeContact',
    method: 'post',
    path: '/api/v1/contacts/{id}/unmerge',
    tag: 'Contacts',
    needs: 'contacts.change',
    summary: 'Take its last merge into another back',
    description: 'In any order. Everything is as it would be without the merge, whatever was said meanwhile.',
    parameters: [CONTACT_ID],
    answers: ok('They are two again.', mergeSchema, MERGE),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
]
