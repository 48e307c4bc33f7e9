/**
 * What looking at something is called in the audit, by method and pattern. What is not here shows nothing personal; a
 * test holds every operation to one or the other. Acts are not here: they are in the audit by their commands.
 */
export const AUDITED_READS: Readonly<Record<string, string>> = {
  'GET /api/v1/conversations': 'conversation.list',
  'GET /api/v1/conversations/:id': 'conversation.open',
  'GET /api/v1/conversations/:id/messages': 'conversation.open',
  'GET /api/v1/messages/:id': 'message.open',
  'GET /api/v1/statuses/unmatched': 'status.list',
  'POST /api/v1/search': 'search.run',
  'GET /api/v1/search': 'search.run',
  'GET /api/v1/contacts': 'contact.list',
  'POST /api/v1/contacts/lookup': 'contact.look_up',
  'GET /api/v1/contacts/:id': 'contact.open',
  'GET /api/v1/contacts/:id/conversations': 'contact.open',
  'GET /api/v1/media/:id': 'media.open',
  'GET /api/v1/media/:id/thumbnail': 'media.open',
  'GET /api/v1/events': 'event.read',
  'POST /api/v1/realtime/tickets': 'event.follow',
  'GET /api/v1/erasures': 'erasure.list',
  'GET /api/v1/erasures/:id': 'erasure.open',
  'GET /api/v1/people': 'person.list',
  'GET /api/v1/people/:id': 'person.open',
  'GET /api/v1/audit': 'audit.read',
}

/** What can be read and shows nothing of a customer, and of who works here no more than whoever asks. */
export const NOTHING_PERSONAL: readonly string[] = [
  'GET /api/v1/me',
  'GET /api/v1/numbers',
  'GET /api/v1/notices',
  'GET /api/v1/notices/:id',
  'GET /api/v1/templates',
  'GET /api/v1/keys',
  'GET /api/v1/workspaces',
  'GET /api/v1/roles',
  'GET /api/v1/teams',
  'GET /api/v1/permissions',
  'GET /api/auth/session',
  'GET /api/auth/sessions',
  'GET /api/auth/methods',
  'GET /api/auth/oidc/callback',
]
