import { useState } from 'react'
import { GIVEN_ROLES } from '../../people/roles.ts'
import { fullTime, listTime } from '../times.ts'
import { Checks, Field, Form, type FormState, Select, Submit, textOf, useForm, wrongAt } from '../view/form.tsx'
import type { NumberView } from '../wire.ts'
import { PermissionChecks } from './permission-checks.tsx'
import { mayGive } from './role-choices.ts'
import { ConfirmButton, type Here, Nothing, Page, Paged, ShownOnce, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { addressOf } from './settings-place.ts'
import type { ApiKey, KeyAsk } from './settings-wire.ts'
import { counted, worthOf } from './settings-words.ts'

const BACK = { part: 'keys', name: 'API keys' } as const

/** The keys that hold, or a new one. */
export function KeysPage({ here, item }: { here: Here; item: string | null }) {
  return item === 'new' ? <NewKey here={here} /> : <KeyList here={here} />
}

function KeyList({ here }: { here: Here }) {
  const keys = useLoaded(() => allKeys(here))
  const action = (
    <a className="primary" href={addressOf('keys', 'new')}>
      New key
    </a>
  )
  return (
    <Page title="API keys" lead="What programs come in with." action={action}>
      <WhenLoaded of={keys}>
        {(found) =>
          found.length === 0 ? (
            <Nothing title="No keys">
              <p>Make one for each program, so that one can be revoked without the others.</p>
            </Nothing>
          ) : (
            <Paged
              items={found}
              render={(key) => <KeyRow key={key.id} apiKey={key} here={here} onRevoked={keys.again} />}
            />
          )
        }
      </WhenLoaded>
    </Page>
  )
}

/** There are a thousand at most. */
async function allKeys({ api }: Here): Promise<ApiKey[]> {
  const found: ApiKey[] = []
  let cursor: string | undefined
  do {
    const page = await api.keys(cursor)
    found.push(...page.items)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return found
}

interface KeyRowProps {
  apiKey: ApiKey
  here: Here
  onRevoked: () => void
}

function KeyRow({ apiKey: key, here, onRevoked }: KeyRowProps) {
  const { nowMs } = here
  const numbers = key.numbers === null ? 'all numbers' : counted(key.numbers.length, 'number')
  return (
    <li className="item">
      <div className="item-main">
        <span className="item-name" dir="auto">
          {key.name} <span className="note key-hint">…{key.hint}</span>
        </span>
        <span className="note" title={key.permissions.join('\n')}>
          {worthOf(key)}, {numbers}
        </span>
        <span className="note">
          {key.last_used_at === null ? (
            'never used'
          ) : (
            <span title={fullTime(key.last_used_at)}>used {listTime(key.last_used_at, nowMs)}</span>
          )}
          {', '}
          {key.expires_at === null ? (
            'does not expire'
          ) : (
            <span title={fullTime(key.expires_at)}>until {listTime(key.expires_at, nowMs)}</span>
          )}
        </span>
      </div>
      <ConfirmButton
        label={
          <>
            Revoke<span className="heard-only"> {key.name}</span>
          </>
        }
        title={`Revoke ${key.name}?`}
        yes="Revoke"
        isDanger
        onYes={async () => {
          await here.api.revokeKey(key.id)
          onRevoked()
        }}
      >
        <p>
          Whatever comes with this key is refused from now on. <strong>Nobody can take this back.</strong>
        </p>
      </ConfirmButton>
    </li>
  )
}

function NewKey({ here }: { here: Here }) {
  const [made, setMade] = useState<(ApiKey & { key: string }) | null>(null)
  const numbers = useLoaded(() => (here.may('numbers.see') ? here.api.numbers() : Promise.resolve([])))
  if (made !== null)
    return (
      <Page title={made.name} back={BACK}>
        <div className="form">
          <ShownOnce
            label="API key"
            value={made.key}
            note="It is shown only now: the house keeps nothing but its hash."
          />
          <a className="primary" href={addressOf('keys')}>
            To the list
          </a>
        </div>
      </Page>
    )
  return (
    <Page title="New API key" back={BACK}>
      <WhenLoaded of={numbers}>{(found) => <KeyForm here={here} numbers={found} onMade={setMade} />}</WhenLoaded>
    </Page>
  )
}

interface KeyFormProps {
  here: Here
  numbers: readonly NumberView[]
  onMade: (key: ApiKey & { key: string }) => void
}

const LIKE_ME = 'like me'
const CUSTOM = 'custom'

function KeyForm({ here, numbers, onMade }: KeyFormProps) {
  const [worth, setWorth] = useState(CUSTOM)
  const form = useForm(['name', 'permissions', 'numbers', 'expires_at'], async (data) =>
    onMade(await here.api.makeKey(keyAskIn(data, here.nowMs))),
  )
  const own = here.session.permissions
  const roles = Object.entries(GIVEN_ROLES).filter(([, permissions]) => mayGive({ permissions: [...permissions] }, own))
  return (
    <Form form={form} className="form form-wide">
      <Field
        form={form}
        name="name"
        label="What it is for"
        autoComplete="off"
        help="Such as: web shop. Nothing personal."
      />
      <Select
        form={form}
        name="worth"
        label="What it may"
        defaultValue={CUSTOM}
        onChange={setWorth}
        choices={[
          { value: CUSTOM, label: 'Only what is ticked' },
          ...roles.map(([name]) => ({ value: name, label: `What the role ${name} may` })),
          { value: LIKE_ME, label: 'What you may now' },
        ]}
      />
      {worth === CUSTOM && <Permissions form={form} here={here} />}
      {numbers.length > 0 && (
        <Checks
          form={form}
          name="numbers"
          legend="Numbers (none ticked: all that you see)"
          choices={numbers.map(({ number, alias, display }) => ({ value: number, label: alias ?? display ?? number }))}
          chosen={new Set()}
        />
      )}
      <Field
        form={form}
        name="expires_at"
        label="Last day"
        type="date"
        max="9999-12-31"
        help="Empty: it does not expire. A key ends with whoever makes it."
      />
      <Submit form={form}>Make the key</Submit>
    </Form>
  )
}

function Permissions({ form, here }: { form: FormState; here: Here }) {
  return (
    <>
      <PermissionChecks chosen={new Set()} own={here.session.permissions} />
      <p className="field-problem" role="alert">
        {form.problems['permissions']}
      </p>
    </>
  )
}

/** What is asked for, as the form says it. */
export function keyAskIn(data: FormData, nowMs: number): KeyAsk {
  const worth = textOf(data, 'worth')
  const permissions = data.getAll('permissions').map(String)
  if (worth === CUSTOM && permissions.length === 0) throw wrongAt('permissions', 'Please tick at least one.')
  const numbers = data.getAll('numbers').map(String)
  const day = textOf(data, 'expires_at')
  // To the end of the day, where its maker is.
  const end = new Date(`${day}T23:59:59`)
  if (day !== '' && !(end.getTime() > nowMs)) throw wrongAt('expires_at', 'Please choose a day to come.')
  return {
    name: textOf(data, 'name'),
    ...(worth === CUSTOM ? { permissions } : worth === LIKE_ME ? {} : { role: worth }),
    ...(numbers.length === 0 ? {} : { numbers }),
    ...(day === '' ? {} : { expires_at: end.toISOString() }),
  }
}
