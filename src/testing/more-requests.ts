import { peopleRequests } from './people-requests.ts'
import { signInRequests } from './sign-in-requests.ts'
import { type ApiAnswer, type TestGateway, until } from './test-gateway.ts'

/** A request for each documented operation about people, their credentials and what they did. */
export function moreRequests(
  houseOf: () => TestGateway,
  conversationOf: () => string,
): Record<string, () => Promise<ApiAnswer>> {
  return {
    ...peopleRequests(houseOf, conversationOf),
    ...signInRequests(houseOf),
    listAudit: async () => {
      await houseOf().api('/api/v1/search', { q: 'broken kettle', conversation: conversationOf() })
      return await until('the search is in the audit', async () => {
        const answer = await houseOf().api('/api/v1/audit?action=search.run&limit=1')
        return answer.body.items[0]?.detail?.conversation_id !== undefined && answer
      })
    },
  }
}
