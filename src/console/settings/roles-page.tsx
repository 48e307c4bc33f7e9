import type { Permission } from '../../core/permissions.ts'
import { Field, Form, Submit, textOf, useForm, wrongAt } from '../view/form.tsx'
import { changedList } from './people-words.ts'
import { PermissionChecks } from './permission-checks.tsx'
import { mayGive } from './role-choices.ts'
import { ConfirmButton, type Here, Page, Section, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { addressOf, go } from './settings-place.ts'
import type { Role } from './settings-wire.ts'
import { counted } from './settings-words.ts'

const BACK = { part: 'roles', name: 'Roles' } as const
/** The role that may everything, always. */
const OWNER = 'owner'

/** The list of roles, or one of them, or a new one. */
export function RolesPages({ here, item }: { here: Here; item: string | null }) {
  const roles = useLoaded(() => here.api.roles())
  if (item === 'new' && here.may('roles.manage')) return <NewRole here={here} />
  if (item !== null)
    return (
      <Page title={roles.value?.find(({ id }) => id === item)?.name ?? 'Role'} back={BACK}>
        <WhenLoaded of={roles}>
          {(found) => {
            const role = found.find(({ id }) => id === item)
            if (role === undefined) return <p className="quiet">There is no such role any more.</p>
            return <RolePart here={here} role={role} onChanged={roles.again} />
          }}
        </WhenLoaded>
      </Page>
    )
  const action = here.may('roles.manage') && (
    <a className="primary" href={addressOf('roles', 'new')}>
      New role
    </a>
  )
  return (
    <Page title="Roles" lead="What people may do here." action={action}>
      <WhenLoaded of={roles}>
        {(found) => (
          <ul className="items">
            {found.map((role) => (
              <RoleRow key={role.id} role={role} />
            ))}
          </ul>
        )}
      </WhenLoaded>
    </Page>
  )
}

function RoleRow({ role }: { role: Role }) {
  return (
    <li className="item">
      <a className="item-main" href={addressOf('roles', role.id)}>
        <span className="item-name" dir="auto">
          {role.name}
        </span>
        <span className="note">{counted(role.permissions.length, 'permission')}</span>
      </a>
      {role.given && <span className="tag">given</span>}
    </li>
  )
}

interface RolePartProps {
  here: Here
  role: Role
  onChanged: () => void
}

function RolePart({ here, role, onChanged }: RolePartProps) {
  const own = here.session.permissions
  const form = useForm(['permissions'], async (data) => {
    const now = (await here.api.roles()).find(({ id }) => id === role.id) ?? role
    const wanted = new Set<string>(permissionsIn(data))
    await here.api.changeRole(role.id, changedList(now.permissions, new Set(role.permissions), wanted))
    onChanged()
    return 'Saved. It holds for everybody who has this role.'
  })
  const isFixed = role.name === OWNER || !here.may('roles.manage') || !mayGive(role, own)
  return (
    <>
      <p className="settings-lead quiet">{leadOf(here, role)}</p>
      <Form form={form} className="form form-wide">
        <PermissionChecks
          key={role.permissions.join()}
          chosen={new Set(role.permissions)}
          own={own}
          isReadOnly={isFixed}
        />
        {!isFixed && <Submit form={form}>Save</Submit>}
      </Form>
      {!isFixed && !role.given && (
        <Section title="Remove">
          <ConfirmButton
            label="Remove the role"
            className="danger"
            title={`Remove ${role.name}?`}
            yes="Remove"
            isDanger
            onYes={async () => {
              await here.api.removeRole(role.id)
              go('roles')
            }}
          >
            <p>A role that somebody has is not removed: give them another one first.</p>
          </ConfirmButton>
        </Section>
      )}
    </>
  )
}

function leadOf(here: Here, role: Role): string {
  if (role.name === OWNER) return 'The owner may everything. This role is not changed.'
  if (!here.may('roles.manage')) return 'Your role lets you read what roles may, not change it.'
  if (!mayGive(role, here.session.permissions))
    return 'This role may more than you: somebody who may as much changes it.'
  return role.given ? 'Every workspace begins with this role. What it may can be changed.' : 'A role of your own.'
}

function permissionsIn(data: FormData): Permission[] {
  return data.getAll('permissions') as Permission[]
}

function NewRole({ here }: { here: Here }) {
  const form = useForm(['name', 'permissions'], async (data) => {
    const permissions = permissionsIn(data)
    const name = textOf(data, 'name')
    if (name === '') throw wrongAt('name', 'Please give it a name.')
    go('roles', (await here.api.addRole(name, permissions)).id)
  })
  return (
    <Page title="New role" back={BACK}>
      <Form form={form} className="form form-wide">
        <Field form={form} name="name" label="Name" autoComplete="off" />
        <PermissionChecks chosen={new Set()} own={here.session.permissions} />
        <p className="field-problem" role="alert">
          {form.problems['permissions']}
        </p>
        <Submit form={form}>Make the role</Submit>
      </Form>
    </Page>
  )
}
