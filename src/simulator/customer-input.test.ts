import { describe, expect, test } from 'bun:test'
import { readWrite } from './customer-input.ts'

describe('readWrite()', () => {
  const text = { type: 'text', text: { body: 'Hello' } }
  test.each([
    ['a plain text', { text: 'Hello' }],
    ['a whole message', { message: text }],
    ["the platform's form", text],
  ])('takes %s', (_, body) => {
    expect(readWrite({ ...body, number: 'support', name: 'Amara' })).toMatchObject({
      number: 'support',
      name: 'Amara',
      message: text,
    })
  })

  test('refuses a message that is neither', () => {
    expect(() => readWrite({ number: 'support' })).toThrow('Either text or message')
  })
})
