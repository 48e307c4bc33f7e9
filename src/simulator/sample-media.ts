import { deflateSync } from 'node:zlib'
import type { JsonObject } from './json.ts'

/** A small true file of a message type. */
export interface SampleMedia {
  bytes: Uint8Array<ArrayBuffer>
  mimeType: string
  /** Members the platform adds for the type. */
  more: JsonObject
}

/** The file a customer sends if none was given; undefined for a type without files. */
export function sampleMedia(type: string): SampleMedia | undefined {
  switch (type) {
    case 'image':
      return { bytes: picture(), mimeType: 'image/png', more: {} }
    case 'sticker':
      return { bytes: picture(), mimeType: 'image/webp', more: { animated: false } }
    case 'audio':
      return { bytes: silence(), mimeType: 'audio/wav', more: { voice: false } }
    case 'video':
      return { bytes: text('A video of the simulator.'), mimeType: 'video/mp4', more: {} }
    case 'document':
      return {
        bytes: text('A document of the simulator.\n'),
        mimeType: 'text/plain',
        more: { filename: 'document.txt' },
      }
    default:
      return undefined
  }
}

const SIDE = 64

/** A PNG of 64 by 64 pixels: a soft gradient. */
function picture(): Uint8Array<ArrayBuffer> {
  const rows: number[] = []
  for (let y = 0; y < SIDE; y++) {
    rows.push(0)
    for (let x = 0; x < SIDE; x++) rows.push(40 + x * 2, 120 + y, 150 - x)
  }
  const header = [0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2, 0, 0, 0]
  const parts = [
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', Buffer.from(header)),
    chunk('IDAT', deflateSync(Buffer.from(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]
  return new Uint8Array(Buffer.concat(parts))
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const frame = Buffer.alloc(8 + body.length)
  frame.writeUInt32BE(data.length, 0)
  body.copy(frame, 4)
  frame.writeUInt32BE(Bun.hash.crc32(body), 4 + body.length)
  return frame
}

/** A tenth of a second of silence as WAV, 8 kHz, 8 bit. */
function silence(): Uint8Array<ArrayBuffer> {
  const samples = 800
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + samples, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(8000, 24)
  head.writeUInt32LE(8000, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(samples, 40)
  return new Uint8Array(Buffer.concat([head, Buffer.alloc(samples, 0x80)]))
}

function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content)
}
