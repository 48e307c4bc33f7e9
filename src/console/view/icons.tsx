import type { MessageStatus } from '../message-status.ts'

const PATHS = {
  gate: 'M2 3h3.4v2H8V3h4v2h2.6V3H18v14h-5.2v-4.4a2.8 2.8 0 0 0-5.6 0V17H2z',
  back: 'M12 4l-6 6 6 6',
  reply: 'M8 5L3.5 9.5 8 14M4 9.5h7.5c3 0 5 2 5 5.5',
  close: 'M5 5l10 10M15 5L5 15',
  send: 'M3.5 4l13.5 6-13.5 6 2.2-6zM5.7 10H10',
  down: 'M10 4v11M5 10.5L10 15.5l5-5',
  clock: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM10 6v4.3l2.8 1.7',
  one: 'M4 10.5l4 4 8-9',
  two: 'M1.5 10.5l4 4 8-9M9 13.2l1.4 1.3 8-9',
  read: 'M1.5 10.5l4 4 8-9M9 13.2l1.4 1.3 8-9',
  alert: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM10 6.4v4.4M10 13.2v.3',
  doubt:
    'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM7.9 8.2c.2-1.3 1-2 2.2-2 1.3 0 2.1.8 2.1 1.8 0 1.6-2.1 1.6-2.1 3.2M10 13.6v.2',
  stop: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6zM8 7.5v5M12 7.5v5',
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
