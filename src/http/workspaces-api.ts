import { showId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { Workspace, WorkspaceReader } from '../records/workspace-reader.ts'
import type { Asked } from './route.ts'

export interface WorkspaceDependencies {
  workspaces: WorkspaceReader
}

/** The workspaces that whoever asks may name in the header `Gatehouse-Workspace`, and the one that they are in now. */
export async function listWorkspaces({ workspaces }: WorkspaceDependencies, { principal }: Asked): Promise<object> {
  const items = openTo(workspaces, principal).map(({ id, name }) => ({
    id: showId('workspace', id),
    name,
    current: id === principal.workspaceId,
  }))
  return { items }
}

function openTo(workspaces: WorkspaceReader, { workspaceId, personId, by, everywhere }: Principal): Workspace[] {
  if (everywhere) return workspaces.all()
  if (by === 'session' && personId !== null) return workspaces.ofPerson(personId)
  return workspaces.all().filter(({ id }) => id === workspaceId)
}
