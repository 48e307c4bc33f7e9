import { describe, expect, test } from 'bun:test'
import { parsePeople } from './people-file.ts'

const ROLES = [
  { id: 4, name: 'agent', permissions: ['messages.reply'], isGiven: true },
  { id: 5, name: 'owner', permissions: ['workspaces.manage'], isGiven: true },
]

function read(text: string) {
  return parsePeople(text, ROLES, ({ name }) => (name === 'owner' ? 'workspaces.manage' : undefined))
}

describe('parsePeople()', () => {
  test('reads people with what is said of their work', () => {
    const { people, faults } = read(
      '\uFEFFName,Email,Role,languages,skills,zone\r\n"Ada, of Support",Ada@Example.com,agent,en sv,billing|refunds,Europe/Stockholm\r\n\r\nBo,bo@example.com,Agent,,,\r\n',
    )
    expect(faults).toEqual([])
    expect(people).toEqual([
      {
        name: 'Ada, of Support',
        email: 'Ada@Example.com',
        roleId: 4,
        work: { languages: ['en', 'sv'], skills: ['billing', 'refunds'], zone: 'Europe/Stockholm', hours: null },
      },
      { name: 'Bo', email: 'bo@example.com', roleId: 4, work: { languages: [], skills: [], zone: null, hours: null } },
    ])
  })

  test('reads semicolons as spreadsheets write them, and columns in any order', () => {
    const { people, faults } = read('role;email;name\nagent;bo@example.com;"Bo ""the boss"""\n')
    expect(faults).toEqual([])
    expect(people[0]?.name).toBe('Bo "the boss"')
  })

  test('tells every fault with its row and column', () => {
    const { faults } = read(
      [
        'name,email,role,languages,zone',
        ',nobody,king,english,Mars/Base',
        'Ada,ada@example.com,agent,en,',
        'Eda,ADA@example.com,owner,en,,more',
      ].join('\n'),
    )
    expect(faults.map(({ row, column }) => [row, column])).toEqual([
      [2, 'name'],
      [2, 'email'],
      [2, 'role'],
      [2, 'languages'],
      [2, 'zone'],
      [4, null],
      [4, 'role'],
      [4, 'email'],
    ])
  })

  test.each([
    ['nothing', ''],
    ['only a heading', 'name,email,role\n'],
    ['an unknown column', 'name,email,role,shoe size\nAda,a@b.example,agent,38\n'],
    ['a missing column', 'name,email\nAda,a@b.example\n'],
    ['a quote that is not closed', 'name,email,role\n"Ada,a@b.example,agent\n'],
    ['a picture', '\u0089PNG\r\n\u001a\n'],
    ['501 people', `name,email,role\n${'Ada,a@b.example,agent\n'.repeat(501)}`],
  ])('%s is one fault and nobody', (_, text) => {
    const { people, faults } = read(text)
    expect(faults.length).toBeGreaterThan(0)
    if (people.length > 0) throw new Error('somebody was read')
  })
})
