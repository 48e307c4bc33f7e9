import { ask, type CustomerView } from './api.ts'
import { byId, initialsOf, make, tintOf } from './dom.ts'

/** Ready customers, with phones from ranges that the regulators keep for fiction. */
const READY: readonly CustomerView[] = [
  { name: 'Amara Osei', phone: '+447700900142' },
  { name: 'Ben Whitaker', phone: '+12125550123' },
  { name: 'Chloé Moreau', phone: '+33639980117' },
  { name: 'Dieter Krüger', phone: '+493023125018' },
  { name: 'Elsa Lindqvist', phone: '+46701740612' },
  { name: 'Farid Haddad', phone: '+447700900588' },
]

const AREAS = ['212', '310', '415', '617', '702', '808']
const NAMES = [
  'Grace Lin',
  'Hugo Silva',
  'Ines Rossi',
  'Jamal Carter',
  'Kira Novak',
  'Liam Byrne',
  'Mei Tanaka',
  'Noah Stein',
]
const SHOWN_MAX = 60

/** The list of customers, ready ones and those that came later. */
export class PeopleList {
  readonly #choose: (customer: CustomerView) => void
  readonly #place = byId('people', HTMLElement)
  #others: CustomerView[] = []
  #news = new Set<string>()
  #chosen = READY[0] ?? { name: '', phone: '' }

  constructor(choose: (customer: CustomerView) => void) {
    this.#choose = choose
    byId('new', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      const name = byId('new-name', HTMLInputElement).value.trim()
      const phone = `+${byId('new-phone', HTMLInputElement).value.replaceAll(/\D/g, '')}`
      this.#others.unshift({ name, phone })
      this.choose({ name, phone })
      suggest()
    })
    suggest()
  }

  get chosen(): CustomerView {
    return this.#chosen
  }

  choose(customer: CustomerView): void {
    this.#chosen = customer
    this.#news.delete(customer.phone)
    this.draw()
    this.#choose(customer)
  }

  /** Something came for a customer that is not shown. */
  markNews(phone: string): void {
    if (phone === this.#chosen.phone) return
    this.#news.add(phone)
    this.draw()
  }

  async refresh(): Promise<void> {
    const { items } = await ask<{ items: CustomerView[] }>('GET', `/_/customers?limit=${SHOWN_MAX}`)
    const kept = this.#others.filter((other) => !items.some((item) => item.phone === other.phone)).slice(0, SHOWN_MAX)
    const later = items.filter((item) => !READY.some((ready) => ready.phone === item.phone))
    this.#others = [...kept, ...later].slice(0, SHOWN_MAX)
    this.draw()
  }

  draw(): void {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset['phone'] : undefined
    this.#place.replaceChildren(
      ...[...READY, ...this.#others].map((customer) => make('li', '', this.#button(customer))),
    )
    if (focused) this.#place.querySelector<HTMLElement>(`[data-phone="${focused}"]`)?.focus()
  }

  #button(customer: CustomerView): HTMLElement {
    const avatar = make('span', `avatar ${tintOf(customer.phone)}`, initialsOf(customer.name))
    avatar.setAttribute('aria-hidden', 'true')
    const who = make('span', '', make('strong', '', customer.name), make('small', '', labelOf(customer)))
    const button = make('button', 'person', avatar, who)
    if (this.#news.has(customer.phone)) button.append(make('span', 'news', make('span', 'hidden', 'New answer')))
    button.type = 'button'
    button.dataset['phone'] = customer.phone
    button.setAttribute('aria-pressed', String(customer.phone === this.#chosen.phone))
    button.addEventListener('click', () => this.choose(customer))
    return button
  }
}

function labelOf({ phone, user_id, identity }: CustomerView): string {
  return identity === 'user_id' && user_id !== undefined ? user_id : phone
}

function pick(list: readonly string[]): string {
  return list[Math.floor(Math.random() * list.length)] ?? ''
}

/** Suggests somebody new: the numbers 555-0100 to 555-0199 belong to nobody. */
function suggest(): void {
  byId('new-name', HTMLInputElement).value = pick(NAMES)
  const last = String(Math.floor(Math.random() * 100)).padStart(2, '0')
  byId('new-phone', HTMLInputElement).value = `+1 ${pick(AREAS)} 555 01${last}`
}
