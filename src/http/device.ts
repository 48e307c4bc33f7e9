/** The longest that is looked at: what a browser says of itself is whatever it likes. */
const CHARS_MAX = 512

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

/** A browser in words that its owner knows it by, such as `Firefox on Windows`. */
export function deviceOf(userAgent: string | null): string {
  const text = (userAgent ?? '').slice(0, CHARS_MAX)
  const named = (words: readonly (readonly [RegExp, string])[]) => words.find(([pattern]) => pattern.test(text))?.[1]
  const browser = named(BROWSERS) ?? 'Another program'
  const system = named(SYSTEMS)
  return system === undefined ? browser : `${browser} on ${system}`
}
