import { inspect } from 'node:util'

/** What stands in for a secret wherever something is printed. */
export const SECRET_SHOWN = '(secret)'

/** A value that cannot get into a log, an answer or an error by accident: only `reveal` gives it out. */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return SECRET_SHOWN
  }

  toJSON(): string {
    return SECRET_SHOWN
  }

  [inspect.custom](): string {
    return SECRET_SHOWN
  }
}
