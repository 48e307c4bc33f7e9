import { useId } from 'react'
import { isTurned, SEARCH_KINDS, type SearchFilters } from '../search-ask.ts'
import type { NumberView } from '../wire.ts'

interface SearchFieldsProps {
  filters: SearchFilters
  numbers: readonly NumberView[]
  onChange: (change: Partial<SearchFilters>) => void
}

/** By whom, of what kind, on which number, whose, and when. */
export function SearchFields({ filters, numbers, onChange }: SearchFieldsProps) {
  const { direction, kind, number, person, firstDay, lastDay } = filters
  const note = useId()
  const isWrong = isTurned(filters)
  const days = { max: '9999-12-31', 'aria-invalid': isWrong, 'aria-describedby': note }
  return (
    <fieldset className="search-fields" aria-label="Filters">
      <label className="search-wide">
        Person
        <input
          type="text"
          value={person}
          maxLength={200}
          placeholder="A name, a phone, a mail address"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange({ person: event.target.value })}
        />
      </label>
      <label>
        Written by
        <select
          value={direction}
          onChange={(event) => onChange({ direction: event.target.value as SearchFilters['direction'] })}
        >
          <option value="">Anybody</option>
          <option value="in">The customer</option>
          <option value="out">Us</option>
        </select>
      </label>
      <label>
        Kind
        <select value={kind} onChange={(event) => onChange({ kind: event.target.value })}>
          <option value="">All kinds</option>
          {SEARCH_KINDS.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label>
        From
        <input
          type="date"
          value={firstDay}
          {...days}
          onChange={(event) => onChange({ firstDay: event.target.value })}
        />
      </label>
      <label>
        To
        <input type="date" value={lastDay} {...days} onChange={(event) => onChange({ lastDay: event.target.value })} />
      </label>
      <label className="search-wide">
        Our number
        <select value={number} onChange={(event) => onChange({ number: event.target.value })}>
          <option value="">All numbers</option>
          {numbers.map((one) => (
            <option key={one.number} value={one.number}>
              {[one.alias, one.display].filter((words) => words).join(' · ') || one.number}
            </option>
          ))}
        </select>
      </label>
      <p id={note} className="search-note" role="status">
        {isWrong && 'The last day is before the first.'}
      </p>
    </fieldset>
  )
}
