import type { Permission } from '../../core/permissions.ts'
import { PERMISSION_GROUPS } from './settings-words.ts'

interface PermissionChecksProps {
  chosen: ReadonlySet<Permission>
  /** What whoever chooses may: nobody gives more. */
  own: readonly Permission[]
  isReadOnly?: boolean
}

/** Permissions to tick, as sentences, by what they are about. */
export function PermissionChecks({ chosen, own, isReadOnly }: PermissionChecksProps) {
  return (
    <div className="permissions">
      {PERMISSION_GROUPS.map((group) => (
        <fieldset key={group.name} className="checks">
          <legend>{group.name}</legend>
          {group.permissions.map(({ name, meaning }) => (
            <label key={name} className="check">
              <input
                type="checkbox"
                name="permissions"
                value={name}
                defaultChecked={chosen.has(name)}
                disabled={isReadOnly === true || !own.includes(name)}
              />
              <span>
                {meaning}
                {isReadOnly !== true && !own.includes(name) && (
                  <span className="note">You cannot give it: you do not have it.</span>
                )}
              </span>
            </label>
          ))}
        </fieldset>
      ))}
    </div>
  )
}
