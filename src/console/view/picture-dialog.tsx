import type { Desk } from '../desk.ts'
import type { AttachmentView } from '../wire.ts'
import { Dialog } from './dialog.tsx'
import { useFile } from './hooks.ts'
import { Icon } from './icons.tsx'

interface PictureDialogProps {
  file: AttachmentView
  desk: Desk
  onClose: () => void
}

/** A picture, as large as the window allows. */
export function PictureDialog({ file, desk, onClose }: PictureDialogProps) {
  const picture = useFile(desk, file.url)
  return (
    <Dialog className="picture-dialog" label="Picture" onClose={onClose} closesOnGround>
      {(close) => (
        <>
          {picture.url !== null && <img src={picture.url} alt="Sent in the conversation" />}
          {picture.url === null && (picture.problem ?? <span className="spinner" />)}
          <button type="button" className="icon-button" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </>
      )}
    </Dialog>
  )
}
