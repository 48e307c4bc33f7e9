import { Elysia } from 'elysia'

/** The API's documents. */
export function documentationRoutes(_version: string, _publicUrl: string): Elysia {
  return new Elysia({ name: 'documentation' }) as unknown as Elysia
}
