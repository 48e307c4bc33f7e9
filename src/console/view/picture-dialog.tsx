import { useEffect, useRef } from 'react'
import type { Desk } from '../desk.ts'
import type { AttachmentView } from '../wire.ts'
import { useFile } from './hooks.ts'
import { Icon } from './icons.tsx'

interface PictureDialogProps {
  file: AttachmentView
  desk: Desk
  onClose: () => void
}

/** A picture, as large as the window allows. */
export function PictureDialog({ file, desk, onClose }: PictureDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const picture = useFile(desk, file.url)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      className="picture-dialog"
      aria-label="Picture"
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose()
      }}
    >
      {picture.url !== null && <img src={picture.url} alt="Sent in the conversation" />}
      {picture.url === null && (picture.problem ?? <span className="spinner" />)}
      <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
        <Icon name="close" />
      </button>
    </dialog>
  )
}
