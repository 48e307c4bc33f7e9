/**
 * The programs of the threads. In the binary all code is one file at the top of what is embedded, so their addresses
 * are right only when they are made here, at the top of the source.
 */
export const THREADS = {
  journal: new URL('./journal/journal-thread.ts', import.meta.url),
  book: new URL('./relay/book-thread.ts', import.meta.url),
  scan: new URL('./relay/scan-thread.ts', import.meta.url),
  search: new URL('./relay/search-thread.ts', import.meta.url),
  upgrade: new URL('./relay/upgrade-thread.ts', import.meta.url),
  backup: new URL('./relay/backup-thread.ts', import.meta.url),
  accounts: new URL('./people/accounts-thread.ts', import.meta.url),
  ship: new URL('./relay/ship-thread.ts', import.meta.url),
}
