/**
 * All that somebody may be allowed, by name, with what it means. `see` permissions say which conversations; the others
 * what may be done with what is seen.
 */
export const PERMISSIONS = {
  'conversations.see_own': 'See the conversations that are assigned to oneself.',
  'conversations.see_team': "See the conversations of one's teams.",
  'conversations.see_number': 'See the conversations of the numbers of one’s teams.',
  'conversations.see_all': 'See every conversation of the workspace.',
  'conversations.assign': 'Give a conversation to a person or a team.',
  'conversations.take_over': 'Take a conversation over from whoever has it, or from another application.',
  'contacts.see_names': 'See the names of customers.',
  'contacts.see_phones': 'See the phone numbers and platform ids of customers.',
  'contacts.change': 'Change names, attributes and links of contacts.',
  'contacts.erase': 'Erase a person for good.',
  'contacts.export': 'Take the data of contacts and conversations out of the house.',
  'messages.reply': 'Answer in a conversation that one sees.',
  'messages.start': 'Write to somebody first, by template.',
  'messages.cancel': 'Cancel or repeat what waits to be sent or was not.',
  'messages.read_revoked': 'Read what its author took back.',
  'messages.delete': 'Take messages out of a conversation.',
  'media.fetch': 'Have a file fetched again that was not.',
  'search.use': 'Search the messages that one sees.',
  'supervision.whisper': 'Write to an agent inside a conversation, unseen by the customer.',
  'supervision.watch': 'See who works on what right now.',
  'broadcasts.see': 'See campaigns and what became of them.',
  'broadcasts.send': 'Send to many at once.',
  'templates.see': 'See templates and what the platform says about them.',
  'templates.manage': 'Make, change and delete templates.',
  'numbers.see': 'See numbers, their state and their limits.',
  'numbers.manage': 'Add, pause and change numbers.',
  'notices.read': 'Read what the platform says about numbers, accounts and templates.',
  'rules.manage': 'Change routing, greetings, hours and automation.',
  'people.see': 'See who works here, and their teams.',
  'people.manage': 'Add, change, suspend and remove people and teams.',
  'people.erase': 'Erase for good who does not work here any more.',
  'roles.manage': 'Change what roles may do.',
  'keys.manage': 'Make and revoke API keys.',
  'workspaces.manage': 'Add and change workspaces.',
  'settings.manage': 'Change the settings of the workspace.',
  'webhooks.manage': 'Change where events are passed on to.',
  'reports.see': 'See figures of the workspace and its teams.',
  'reports.see_people': 'See figures of single people.',
  'audit.read': 'Read who did what.',
  'erasures.see': 'See the reports of erasures.',
  'operations.see': 'See the state of the house: metrics, queues, storage.',
} as const

export type Permission = keyof typeof PERMISSIONS

export const PERMISSION_NAMES = Object.keys(PERMISSIONS) as Permission[]

export function isPermission(name: string): name is Permission {
  return Object.hasOwn(PERMISSIONS, name)
}
