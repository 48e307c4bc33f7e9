import { type ReactNode, useEffect, useRef } from 'react'

interface DialogProps {
  className?: string
  /** The id of its heading, or what it is called. */
  labelledBy?: string
  label?: string
  onClose: () => void
  /** Gets what closes it. */
  children: (close: () => void) => ReactNode
  /** Whether a click beside its content closes it. */
  closesOnGround?: boolean
}

/** Stands above the page until it is closed; the focus goes back to where it was. */
export function Dialog({ className, labelledBy, label, onClose, children, closesOnGround }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  // Closed by the browser, the focus goes back; taken out of the page while open it would be lost.
  const close = () => dialog.current?.close()
  return (
    <dialog
      ref={dialog}
      className={className}
      aria-labelledby={labelledBy}
      aria-label={label}
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
      onClick={(event) => {
        if (closesOnGround === true && event.target === event.currentTarget) close()
      }}
    >
      {children(close)}
    </dialog>
  )
}
