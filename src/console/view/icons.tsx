import type { MessageStatus } from '../message-status.ts'

const PATHS = {
  gate: 'M2 3h3.4v2H8V3h4v2h2.6V3H18v14h-5.2v-4.4a2.8 2.8 0 0 0-5.6 0V17H2z',
  back: 'M12 4l-6 6 6 6',
  reply: 'M8 5L3.5 9.5 8 14M4 9.5h7.5c3 0 5 2 5 5.5',
  close: 'M5 5l10 10M15 5L5 15',
  send: 'M3.5 4l13.5 6-13.5 6 2.2-6zM5.7 10H10',
  down: 'M10 4v11M5 10.5L10 15.5l5-5',
  menu: 'M5.5 8l4.5 4.5L14.5 8',
  clock: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM10 6v4.3l2.8 1.7',
  one: 'M4 10.5l4 4 8-9',
  two: 'M1.5 10.5l4 4 8-9M9 13.2l1.4 1.3 8-9',
  read: 'M1.5 10.5l4 4 8-9M9 13.2l1.4 1.3 8-9',
  alert: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM10 6.4v4.4M10 13.2v.3',
  doubt:
    'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM7.9 8.2c.2-1.3 1-2 2.2-2 1.3 0 2.1.8 2.1 1.8 0 1.6-2.1 1.6-2.1 3.2M10 13.6v.2',
  stop: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM8 7.5v5M12 7.5v5',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4',
  person: 'M10 3.5a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4zM3.8 16.8c.6-3.2 3-4.8 6.2-4.8s5.6 1.6 6.2 4.8',
  play: 'M6.5 4.2v11.6l9-5.8z',
  file: 'M5.5 2.8h6l3.5 3.5v10.9h-9.5zM11.3 2.8v3.7H15',
  save: 'M10 3v9M6 8.5l4 4 4-4M4 16.5h12',
  place: 'M10 17.5s5.5-5 5.5-9a5.5 5.5 0 0 0-11 0c0 4 5.5 9 5.5 9zM10 6.8a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z',
  call: 'M5.2 3.2l2.4.2 1 3.3-1.7 1.5a9 9 0 0 0 4.9 4.9l1.5-1.7 3.3 1 .2 2.4c-.6 1-1.6 1.6-2.8 1.4C8.7 15.2 4.8 11.3 3.8 6c-.2-1.2.4-2.2 1.4-2.8z',
  forward: 'M12 5l4.5 4.5L12 14M16.5 9.5H9c-3 0-5 2-5 5.5',
  order: 'M3 4h2l1.8 9h8.2l1.5-6.5H5.7M8 16.2v.3M14 16.2v.3',
  gear: 'M10 7.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2zM10 2.6v2.1M10 15.3v2.1M4.8 4.8l1.5 1.5M13.7 13.7l1.5 1.5M2.6 10h2.1M15.3 10h2.1M4.8 15.2l1.5-1.5M13.7 6.3l1.5-1.5',
  copy: 'M7 6.5V3.2h9.8V13h-3.3M3.2 7h9.8v9.8H3.2z',
  form: 'M4.5 3h11v14h-11zM7.5 7h5M7.5 10h5M7.5 13h3',
} as const

/** A small drawing. It says nothing to those who listen: the words stand beside it. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className={`icon icon-${name}`} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** How far a message has come, as a mark with a name. */
export function StatusMark({ status }: { status: MessageStatus }) {
  return (
    <span className={`mark mark-${status.mark}`} role="img" aria-label={status.label} title={status.label}>
      <Icon name={status.mark} />
    </span>
  )
}
