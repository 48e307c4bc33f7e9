/** The way in of the fake server: one person, one link. */
export const DOOR = { email: 'ada@example.com', password: 'seven lilac trombones', code: '123456', link: 'a-link' }

const COOKIE = 'gatehouse=of-the-fake'

/** Whether the browser's cookie is the session's. */
export function isSignedIn(request: Request): boolean {
  return (request.headers.get('cookie') ?? '').includes(COOKIE)
}

/** Answers what is asked under `/api/auth`. */
export async function atDoor(request: Request, pathname: string): Promise<Response> {
  const body = request.method === 'POST' ? ((await request.json()) as Record<string, unknown>) : {}
  const setCookie = (value: string) => ({ 'Set-Cookie': `${value}; Path=/; HttpOnly; SameSite=Lax` })
  switch (pathname.slice('/api/auth/'.length)) {
    case 'methods':
      return Response.json({ password: true, oidc: false, signed_in: isSignedIn(request) })
    case 'sign-in':
      if (body['email'] !== DOOR.email || body['password'] !== DOOR.password)
        return refused(401, 'unauthorized', 'The e-mail address or the password is wrong')
      return Response.json({ state: 'second_factor_required' })
    case 'second-factor':
      if (body['code'] !== DOOR.code) return refused(401, 'unauthorized', 'This code is wrong, or was used already')
      return Response.json({ state: 'signed_in' }, { headers: setCookie(COOKIE) })
    case 'session':
      if (!isSignedIn(request)) return refused(401, 'unauthorized', 'You are not signed in, or not any more')
      return Response.json({ person: { id: 'per_1' }, workspace: 'main', workspaces: ['main'] })
    case 'sign-out':
      return Response.json({ signed_out: true }, { headers: setCookie('gatehouse=') })
    case 'links/look':
      if (body['token'] !== DOOR.link) return refused(404, 'not_found', 'This link was used already')
      return Response.json({ kind: 'invitation' })
    case 'links':
      if (String(body['password']).length < 12)
        return refused(400, 'invalid', 'Wrong member: /password must be a password of 12 to 200 characters')
      return Response.json({ done: true })
    default:
      return refused(404, 'not_found', 'Nothing is here')
  }
}

function refused(status: number, code: string, detail: string): Response {
  return Response.json({ code, detail, status }, { status })
}
