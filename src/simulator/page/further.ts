import { ask, type CustomerView, type GroupView, type NoticeView } from './api.ts'
import { byId } from './dom.ts'

interface FurtherHands {
  customer: () => CustomerView
  number: () => string
  act: (work: () => Promise<unknown>) => void
  /** The groups of the chosen customer changed. */
  groupsChanged: (groups: readonly GroupView[]) => void
}

/** What happens beside the chat: the firm's phone, the platform's notices, groups, another application. */
export class FurtherPanel {
  readonly #hands: FurtherHands
  #groups: GroupView[] = []

  constructor(hands: FurtherHands) {
    this.#hands = hands
    this.#onSubmit('echo-form', () => this.#echo())
    this.#onSubmit('notice-form', () =>
      ask('POST', '/_/notices', { number: hands.number(), name: byId('notice', HTMLSelectElement).value }),
    )
    this.#onSubmit('group-form', () => this.#join())
    byId('group-leave', HTMLButtonElement).addEventListener('click', () => hands.act(() => this.#leave()))
    byId('history', HTMLButtonElement).addEventListener('click', () =>
      hands.act(() => ask('POST', '/_/history', { number: hands.number(), made: { threads: 3, messages: 12 } })),
    )
    const standby = byId('standby', HTMLInputElement)
    standby.addEventListener('change', () =>
      hands.act(() =>
        ask('POST', '/_/handovers', {
          number: hands.number(),
          phone: hands.customer().phone,
          to: standby.checked ? 'other' : 'us',
        }),
      ),
    )
  }

  async start(): Promise<void> {
    const { items } = await ask<{ items: NoticeView[] }>('GET', '/_/notices')
    byId('notice', HTMLSelectElement).append(...items.map(({ name, plain }) => new Option(plain, name)))
    await this.refresh()
  }

  /** Looks which groups there are. */
  async refresh(): Promise<void> {
    const { items } = await ask<{ items: GroupView[] }>('GET', '/_/groups')
    this.#groups = items
    byId('group-names', HTMLElement).replaceChildren(...items.map(({ subject }) => new Option(subject)))
    this.tellGroups()
  }

  /** Says which groups the chosen customer is in. */
  tellGroups(): void {
    const { phone } = this.#hands.customer()
    this.#hands.groupsChanged(this.#groups.filter((group) => group.members.includes(phone)))
  }

  #onSubmit(id: string, work: () => Promise<unknown>): void {
    byId(id, HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      this.#hands.act(work)
    })
  }

  async #echo(): Promise<void> {
    const input = byId('echo-text', HTMLInputElement)
    const text = input.value.trim()
    if (text === '') return
    const standby = byId('standby', HTMLInputElement).checked
    await ask('POST', '/_/echoes', { number: this.#hands.number(), to: this.#hands.customer().phone, text, standby })
    input.value = ''
  }

  async #join(): Promise<void> {
    const subject = byId('group-name', HTMLInputElement).value.trim()
    const known = this.#groups.find((group) => group.subject === subject)
    const { id } = known ?? (await ask<GroupView>('POST', '/_/groups', { number: this.#hands.number(), subject }))
    const { phone, name } = this.#hands.customer()
    await ask('POST', `/_/groups/${encodeURIComponent(id)}/members`, { phone, name })
    await this.refresh()
  }

  async #leave(): Promise<void> {
    const subject = byId('group-name', HTMLInputElement).value.trim()
    const known = this.#groups.find((group) => group.subject === subject)
    if (!known) throw new Error('Name the group to leave.')
    const { phone } = this.#hands.customer()
    await ask('DELETE', `/_/groups/${encodeURIComponent(known.id)}/members/${encodeURIComponent(phone)}`)
    await this.refresh()
  }
}
