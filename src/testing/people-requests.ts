import type { ApiAnswer, TestGateway } from './test-gateway.ts'

/** A request for each operation on people, by its id; each makes what it needs. */
export function peopleRequests(
  openHouse: () => TestGateway,
  conversation: () => string,
): Record<string, () => Promise<ApiAnswer>> {
  let count = 0
  const ask = () => {
    const name = `Ada ${++count}`
    return {
      name,
      email: `ada${count}@example.com`,
      role: 'agent',
      languages: ['en', 'sv'],
      skills: ['billing'],
      zone: 'Europe/Stockholm',
    }
  }
  const hire = async () => (await openHouse().api('/api/v1/people', ask())).body.id as string
  const other = (method: string, path: string, body?: object | string) => openHouse().ask(method, path, body)
  const teamed = async () => {
    const id = await hire()
    const team = { name: `team ${++count}`, people: [id], numbers: ['106540352242922'] }
    return { id, team: await openHouse().api('/api/v1/teams', team) }
  }
  const role = () => openHouse().api('/api/v1/roles', { name: `role ${++count}`, permissions: ['messages.reply'] })
  return {
    listPeople: async () => {
      await teamed()
      const { body } = await openHouse().api('/api/v1/people?limit=200')
      const { id } = body.items.find(({ teams }: { teams: object[] }) => teams.length > 0)
      // The first of the page is the one that the example shows: with a team.
      const before = Number.parseInt(id.slice(4), 36) - 1
      return await openHouse().api(`/api/v1/people?limit=1&cursor=${before.toString(36)}`)
    },
    addPeople: () => openHouse().api('/api/v1/people', ask()),
    importPeople: () => other('POST', '/api/v1/people/import', `name,email,role\nBo,bo${++count}@example.com,agent\n`),
    getPerson: async () => openHouse().api(`/api/v1/people/${(await teamed()).id}`),
    changePerson: async () => other('PATCH', `/api/v1/people/${(await teamed()).id}`, { state: 'suspended' }),
    removePerson: async () => other('DELETE', `/api/v1/people/${await hire()}`),
    erasePerson: async () => {
      const id = await hire()
      await other('DELETE', `/api/v1/people/${id}`)
      return await other('DELETE', `/api/v1/people/${id}/profile`)
    },
    listWorkspaces: () => openHouse().api('/api/v1/workspaces'),
    listRoles: () => openHouse().api('/api/v1/roles'),
    addRole: role,
    changeRole: async () => other('PATCH', `/api/v1/roles/${(await role()).body.id}`, { permissions: ['search.use'] }),
    removeRole: async () => other('DELETE', `/api/v1/roles/${(await role()).body.id}`),
    listTeams: async () => {
      await teamed()
      return await openHouse().api('/api/v1/teams')
    },
    addTeam: async () => (await teamed()).team,
    changeTeam: async () =>
      other('PATCH', `/api/v1/teams/${(await teamed()).team.body.id}`, { name: `renamed ${++count}` }),
    removeTeam: async () => other('DELETE', `/api/v1/teams/${(await teamed()).team.body.id}`),
    assignConversation: async () => {
      const answer = await openHouse().api(`/api/v1/conversations/${conversation()}/assign`, { assignee: await hire() })
      return answer
    },
  }
}
