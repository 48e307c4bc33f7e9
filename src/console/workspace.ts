/** What `GET /api/auth/session` says of who somebody is. */
export interface Session extends Memberships {
  readonly person: { readonly id: string } | null
}

/** And of where they work: in which workspace when nothing is asked for, and in which at all. */
export interface Memberships {
  readonly workspace: string | null
  readonly workspaces: readonly string[]
}

/** Where somebody works now. */
export interface Standing extends Memberships {
  /** Whether another one was asked for, that they do not work in. */
  readonly isElsewhere: boolean
}

/** Of an API key, which is in its own workspace and no other. */
export const OF_KEY: Standing = { workspace: null, workspaces: [], isElsewhere: false }

const PARAMETER = 'workspace'
const SETTINGS_PART = /^#\/settings(\/[a-z]+)?/

/** The workspace that is asked for, where somebody works in it, or else their first. */
export function standingIn({ workspace, workspaces }: Memberships, asked: string | null): Standing {
  if (asked === null || workspaces.includes(asked))
    return { workspace: asked ?? workspace, workspaces, isElsewhere: false }
  return { workspace, workspaces, isElsewhere: true }
}

/** The workspace that an address names. */
export function workspaceIn(search: string): string | null {
  return new URLSearchParams(search).get(PARAMETER)
}

/** The address of a place, which names its workspace where somebody works in several. */
export function addressIn({ workspace, workspaces }: Memberships, hash: string): string {
  if (workspace === null || workspaces.length < 2) return `/${hash}`
  return `/?${new URLSearchParams({ [PARAMETER]: workspace })}${hash}`
}

/** What of a place there is in every workspace: the desk, or a part of the settings. */
export function placeElsewhere(hash: string): string {
  return SETTINGS_PART.exec(hash)?.[0] ?? '#/'
}
