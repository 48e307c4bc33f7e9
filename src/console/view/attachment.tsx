import { useRef, useState } from 'react'
import type { Desk } from '../desk.ts'
import { attachmentName, sizeWords } from '../message-text.ts'
import type { AttachmentView, MessageView } from '../wire.ts'
import { useFile, useNear, useTask } from './hooks.ts'
import { Icon } from './icons.tsx'
import { PictureDialog } from './picture-dialog.tsx'

interface AttachmentProps {
  file: AttachmentView
  desk: Desk
}

interface ShownProps extends AttachmentProps {
  /** Its bytes are here, and are not what they are said to be, or of a kind that this browser does not know. */
  onBroken: () => void
}

/** The files of a message, each as its kind is seen, heard or saved. */
export function Attachments({ message, desk }: { message: MessageView; desk: Desk }) {
  const { attachments = [] } = message
  return attachments.map((file) => <Attachment key={file.id} file={file} desk={desk} />)
}

function Attachment({ file, desk }: AttachmentProps) {
  const [isBroken, setBroken] = useState(false)
  const shown = { file, desk, onBroken: () => setBroken(true) }
  if (file.erased === true) return <span className="note">The file was erased on request.</span>
  if (file.state !== 'ready' || file.url === null) return <Missing file={file} desk={desk} />
  if (isBroken) return <Saved file={file} desk={desk} note="This browser cannot show it" />
  switch (file.kind) {
    case 'image':
      return <Picture {...shown} />
    case 'sticker':
      return <Sticker {...shown} />
    case 'audio':
      return <Sound {...shown} />
    case 'video':
      return <Film {...shown} />
    default:
      return <Saved file={file} desk={desk} />
  }
}

const MISSING: Readonly<Record<string, string>> = {
  waiting: 'is on its way',
  failed: 'could not be fetched',
  gone: 'is gone: the platform no longer has it',
  too_large: 'is too large to be kept here',
  refused: 'was not taken',
}

const REASONS: Readonly<Record<string, string>> = {
  hash_mismatch: 'its bytes are not those that were sent',
  no_source: 'the platform did not say where it is',
  erased: 'it was erased on request',
}

/** A file that is not here: why, and another try where one makes sense. */
function Missing({ file, desk }: AttachmentProps) {
  const task = useTask()
  const isWaiting = file.state === 'waiting'
  const reason = REASONS[file.reason ?? '']
  const mayRetry = ['failed', 'gone', 'refused'].includes(file.state) && file.reason !== 'no_source'
  return (
    <span className={isWaiting ? 'missing' : 'missing missing-lost'} role={isWaiting ? 'status' : undefined}>
      {isWaiting ? <span className="spinner" aria-hidden="true" /> : <Icon name="alert" />}
      <span>
        {attachmentName(file)} {MISSING[file.state] ?? 'is not here'}
        {file.state === 'too_large' && file.size_bytes !== null && ` (${sizeWords(file.size_bytes)})`}
        {reason !== undefined && `: ${reason}`}.{' '}
        {mayRetry && (
          <button
            type="button"
            className="link"
            disabled={task.isBusy}
            onClick={() => task.run(() => desk.ask((api) => api.fetchFile(file.id)))}
          >
            Try again
          </button>
        )}
        {task.problem !== null && <span role="alert"> {task.problem}</span>}
      </span>
    </span>
  )
}

function Picture({ file, desk, onBroken }: ShownProps) {
  const place = useRef<HTMLButtonElement>(null)
  const isNear = useNear(place)
  const small = useFile(desk, isNear ? (file.thumbnail_url ?? file.url) : null)
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <button
        ref={place}
        type="button"
        className="picture"
        aria-label="Show the picture"
        title="Show the picture"
        onClick={() => setOpen(true)}
      >
        {small.url === null ? (
          <span className={small.problem === null ? 'spinner' : 'note'}>{small.problem}</span>
        ) : (
          <img src={small.url} alt="" onError={onBroken} />
        )}
      </button>
      {isOpen && <PictureDialog file={file} desk={desk} onClose={() => setOpen(false)} />}
    </>
  )
}

function Sticker({ file, desk, onBroken }: ShownProps) {
  const place = useRef<HTMLSpanElement>(null)
  const isNear = useNear(place)
  const shown = useFile(desk, isNear ? file.url : null)
  return (
    <span ref={place} className="sticker">
      {shown.url !== null && <img src={shown.url} alt={attachmentName(file)} onError={onBroken} />}
      {shown.problem !== null && <span className="note">{shown.problem}</span>}
    </span>
  )
}

/** A sound or film is fetched when somebody wants to hear or see it. */
function usePlayed(file: AttachmentView, desk: Desk) {
  const [attempt, setAttempt] = useState(0)
  const played = useFile(desk, attempt > 0 ? file.url : null, attempt)
  return { ...played, isAsked: attempt > 0, play: () => setAttempt(attempt + 1) }
}

function Sound({ file, desk, onBroken }: ShownProps) {
  const sound = usePlayed(file, desk)
  const name = attachmentName(file)
  if (sound.url !== null) {
    // biome-ignore lint/a11y/useMediaCaption: what customers say has no captions.
    return <audio className="sound" src={sound.url} controls autoPlay aria-label={name} onError={onBroken} />
  }
  return (
    <span className="file">
      <PlayButton name={name} isBusy={sound.isAsked && sound.problem === null} onPlay={sound.play} />
      <FileWords file={file} problem={sound.problem} />
    </span>
  )
}

function Film({ file, desk, onBroken }: ShownProps) {
  const place = useRef<HTMLSpanElement>(null)
  const isNear = useNear(place)
  const still = useFile(desk, isNear ? file.thumbnail_url : null)
  const film = usePlayed(file, desk)
  if (film.url !== null) {
    // biome-ignore lint/a11y/useMediaCaption: what customers film has no captions.
    return <video className="film" src={film.url} controls autoPlay playsInline aria-label="Video" onError={onBroken} />
  }
  return (
    <span ref={place} className={still.url === null ? 'file' : 'film film-still'}>
      {still.url !== null && <img src={still.url} alt="" />}
      <PlayButton name="Video" isBusy={film.isAsked && film.problem === null} onPlay={film.play} />
      {still.url === null && <FileWords file={file} problem={film.problem} />}
    </span>
  )
}

function PlayButton({ name, isBusy, onPlay }: { name: string; isBusy: boolean; onPlay: () => void }) {
  return (
    <button type="button" className="play" disabled={isBusy} aria-label={`Play: ${name}`} onClick={onPlay}>
      {isBusy ? <span className="spinner" /> : <Icon name="play" />}
    </button>
  )
}

function FileWords({ file, problem }: { file: AttachmentView; problem: string | null }) {
  return (
    <span className="file-words">
      <span className="file-name">{file.file_name ?? attachmentName(file)}</span>
      <span className="note">
        {problem ??
          [kindWords(file), file.size_bytes === null ? null : sizeWords(file.size_bytes)].filter(Boolean).join(' · ')}
      </span>
    </span>
  )
}

/** What kind of document it is: the last part of its type, where that is a word. */
function kindWords({ kind, mime_type }: AttachmentView): string | null {
  if (kind !== 'document' || mime_type === null) return null
  const word = mime_type.split(';')[0]?.split('/').at(-1) ?? ''
  return /^[a-z]{2,5}$/.test(word) ? word.toUpperCase() : null
}

/** A document is saved, never opened here: what is in it was made by somebody outside. */
function Saved({ file, desk, note = null }: AttachmentProps & { note?: string | null }) {
  const task = useTask()
  const name = file.file_name ?? attachmentName(file)
  async function save() {
    const blob = await desk.ask((api) => api.file(file.url ?? ''))
    const url = URL.createObjectURL(blob)
    const link = document.createElement('a')
    link.href = url
    link.download = name
    link.click()
    // The browser has taken the bytes over once the click is through.
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  return (
    <span className="file">
      <Icon name="file" />
      <FileWords file={file} problem={task.problem ?? note} />
      <button
        type="button"
        className="icon-button"
        disabled={task.isBusy}
        aria-label={`Save ${name}`}
        title="Save"
        onClick={() => task.run(save)}
      >
        {task.isBusy ? <span className="spinner" /> : <Icon name="save" />}
      </button>
    </span>
  )
}
