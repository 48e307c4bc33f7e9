/**
 * All ways in which platforms write one and the same phone number (E.164 with its plus sign), the given one first. Brazil:
 * mobile numbers got a 9 after the area code, and ids made before still lack it; a number there is mobile if it begins
 * with 6 to 9. Mexico: a 1 stood after the country code of mobile numbers until 2019.
 */
export function phoneForms(phone: string): string[] {
  if (!phone.startsWith('+5')) return [phone]
  const brazil = /^\+55([1-9]\d)(9?)([6-9]\d{7})$/.exec(phone)
  if (brazil) return [phone, `+55${brazil[1]}${brazil[2] === '' ? '9' : ''}${brazil[3]}`]
  const mexico = /^\+52(1?)([2-9]\d{9})$/.exec(phone)
  if (mexico) return [phone, `+52${mexico[1] === '' ? '1' : ''}${mexico[2]}`]
  return [phone]
}

/** Both in E.164 with a plus sign. */
export function isSamePhone(one: string, other: string): boolean {
  return one === other || phoneForms(one).includes(other)
}
