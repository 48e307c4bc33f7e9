import { Elysia } from 'elysia'
import { asyncApiDocument } from '../realtime/asyncapi.ts'
import { DOCUMENTATION_POLICY, documentationPage } from './documentation-page.ts'
import { openApiDocument } from './openapi.ts'

/** What a document names where the house has not been told how the outside sees it. */
const LOCAL_URL = 'http://localhost:8080'

const HEADERS = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache' }

/** The API's documents: `/api/openapi.json`, `/api/asyncapi.json`, and both to be read at `/api/docs`. */
export function documentationRoutes(version: string, publicUrl: () => string): Elysia {
  let written: Documents | undefined
  const documents = () => {
    if (written?.publicUrl !== publicUrl()) written = documentsOf(version, publicUrl())
    return written
  }
  const app = new Elysia({ name: 'documentation' })
  // Whoever writes a client may read them from any page: they hold nothing of this house.
  const shared = { ...HEADERS, 'Access-Control-Allow-Origin': '*' }
  app.get('/api/openapi.json', () => Response.json(documents().openApi, { headers: shared }))
  app.get('/api/asyncapi.json', () => Response.json(documents().asyncApi, { headers: shared }))
  app.get('/api/docs', () => {
    const headers = {
      ...HEADERS,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': DOCUMENTATION_POLICY,
    }
    return new Response(documents().page, { headers })
  })
  return app as unknown as Elysia
}

interface Documents {
  publicUrl: string
  openApi: object
  asyncApi: object
  page: string
}

function documentsOf(version: string, publicUrl: string): Documents {
  const serverUrl = publicUrl.replace(/\/+$/, '')
  const openApi = openApiDocument(version, serverUrl)
  const asyncApi = asyncApiDocument(version, serverUrl === '' ? LOCAL_URL : serverUrl)
  return { publicUrl, openApi, asyncApi, page: documentationPage(openApi) }
}
