import { expect, test } from 'bun:test'
import { isSamePhone, phoneForms } from './phone.ts'

test.each([
  ['+5511987654321', '+551187654321'],
  ['+551187654321', '+5511987654321'],
  ['+5215512345678', '+525512345678'],
  ['+525512345678', '+5215512345678'],
])('%s is written %s as well', (one, other) => {
  expect(phoneForms(one)).toEqual([one, other])
  expect(isSamePhone(one, other)).toBeTrue()
})

test.each([
  ['a Brazilian land line', '+551132654321'],
  ['a Brazilian mobile number that was given with its 9', '+5511932654321'],
  ['a Mexican number that is too short', '+5255123456'],
  ['a number of anywhere else', '+4915112345678'],
])('%s has one form', (_, phone) => {
  expect(phoneForms(phone)).toEqual([phone])
})
