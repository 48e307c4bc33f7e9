import { Type } from '@sinclair/typebox'
import { type Answer, inPath, type Operation, ok, query } from './api-operation.ts'

const MEDIA_ID = inPath('id', 'An attachment’s id.')
const REVOKED = query(
  'revoked',
  Type.Literal('show'),
  'Also of a message that its author took back, as far as it is kept and you may read it.',
)

/** The type is that of the file. */
const ANY_TYPE = '*/*'

/** A body of bytes, not of JSON. */
const bytes = (description: string, contentType: string): Answer => ({
  description,
  contentType,
  schema: Type.String({ format: 'binary' }),
})

const fetchedSchema = Type.Object(
  { id: Type.String({ description: 'Opaque.' }), state: Type.Literal('waiting') },
  { $id: 'media_fetch' },
)

/** The files of messages. */
export const MEDIA: readonly Operation[] = [
  {
    id: 'getMedia',
    method: 'get',
    path: '/api/v1/media/{id}',
    tag: 'Media',
    summary: 'Read a file',
    description:
      'As it came, under the type that its first bytes show. Pictures, sound, video and PDF may be shown; everything else is ' +
      'to be saved (`Content-Disposition`). One range of bytes may be asked for, with `If-Range` or without; several at ' +
      'once are answered with the whole.',
    parameters: [
      MEDIA_ID,
      REVOKED,
      { name: 'Range', in: 'header', description: 'One range, such as `bytes=0-1023`.', schema: Type.String() },
      { name: 'If-None-Match', in: 'header', description: 'The `ETag` of what you have.', schema: Type.String() },
    ],
    answers: {
      200: bytes('The whole file.', ANY_TYPE),
      206: bytes('The part that was asked for; `Content-Range` says which.', ANY_TYPE),
      304: { description: 'You have it.' },
      416: { description: 'The range lies outside; `Content-Range` says how long the file is.' },
    },
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'getThumbnail',
    method: 'get',
    path: '/api/v1/media/{id}/thumbnail',
    tag: 'Media',
    summary: 'Read a picture’s thumbnail',
    description: 'At most 320 pixels a side, turned the right way up, without what the camera wrote into the picture.',
    parameters: [MEDIA_ID, REVOKED],
    answers: {
      200: bytes('The thumbnail.', 'image/webp'),
      206: bytes('A part of it.', 'image/webp'),
      304: { description: 'You have it.' },
      416: { description: 'The range lies outside.' },
    },
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'fetchMedia',
    method: 'post',
    path: '/api/v1/media/{id}/fetch',
    tag: 'Media',
    needs: 'media.fetch',
    summary: 'Try again to fetch a file',
    description:
      'One that failed, has vanished, was too large or refused, or that waits for its next attempt. What becomes of it comes ' +
      'as `message.media`.',
    parameters: [MEDIA_ID, REVOKED],
    answers: ok('It is fetched now.', fetchedSchema, { id: 'med_2n', state: 'waiting' }),
    refuses: ['not_found', 'conflict', 'unavailable'],
    key: 'always',
  },
]
