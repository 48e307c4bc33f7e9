import type { InboundItem } from '../core/inbound.ts'

/** Goes through the items of a body, each made when it is come to: a body may have a hundred thousand. */
export class ItemCursor {
  readonly #items: Iterator<InboundItem>
  #item: InboundItem | undefined
  #index = 0

  /** Throws where the first item cannot be made. */
  constructor(items: Iterable<InboundItem>) {
    this.#items = items[Symbol.iterator]()
    this.#read()
  }

  /** Where it stands; undefined behind the last. */
  get item(): InboundItem | undefined {
    return this.#item
  }

  get index(): number {
    return this.#index
  }

  /** Throws where the next item cannot be made; there are no more then. */
  advance(): void {
    this.#item = undefined
    this.#index += 1
    this.#read()
  }

  #read(): void {
    const { done, value } = this.#items.next()
    if (!done) this.#item = value
  }
}
