import { deflateSync } from 'node:zlib'
import type { JsonObject } from './json.ts'
import { BALL_MP4, SMILE_WEBP } from './sample-files.ts'

/** A small true file of a message type. */
export interface SampleMedia {
  bytes: Uint8Array<ArrayBuffer>
  mimeType: string
  /** Members the platform adds for the type. */
  more: JsonObject
}

/** The file a customer sends if none was given, by the object of its type; undefined for a type without files. */
export function sampleMedia(type: string, object: JsonObject): SampleMedia | undefined {
  switch (type) {
    case 'image':
      return { bytes: picture(), mimeType: 'image/png', more: {} }
    case 'sticker':
      return { bytes: decoded(SMILE_WEBP), mimeType: 'image/webp', more: { animated: false } }
    case 'audio':
      if (object['voice'] === true) return { bytes: voiceNote(), mimeType: 'audio/ogg; codecs=opus', more: {} }
      return { bytes: tone(), mimeType: 'audio/wav', more: { voice: false } }
    case 'video':
      return { bytes: decoded(BALL_MP4), mimeType: 'video/mp4', more: {} }
    case 'document':
      return { bytes: page(), mimeType: 'application/pdf', more: { filename: 'document.pdf' } }
    default:
      return undefined
  }
}

const WIDTH = 480
const HEIGHT = 320

/** Made once: a thousand photos at once are a thousand times this one. */
let knownPicture: Uint8Array<ArrayBuffer> | null = null

function picture(): Uint8Array<ArrayBuffer> {
  knownPicture ??= paint()
  return knownPicture
}

/** A PNG: hills under an evening sky. */
function paint(): Uint8Array<ArrayBuffer> {
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * 3))
  let at = 0
  for (let y = 0; y < HEIGHT; y++) {
    rows[at++] = 0
    for (let x = 0; x < WIDTH; x++) for (const part of colourAt(x, y)) rows[at++] = part
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const parts = [
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]
  return new Uint8Array(Buffer.concat(parts))
}

function colourAt(x: number, y: number): readonly [number, number, number] {
  if (y > 240 + 24 * Math.sin(x / 90)) return [38, 70, 83]
  if (y > 205 + 30 * Math.sin(x / 60 + 2)) return [58, 110, 104]
  if ((x - 350) ** 2 + (y - 110) ** 2 < 1600) return [255, 226, 160]
  return [244 - (y >> 2), 162 - (y >> 3), 97 + (y >> 2)]
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const frame = Buffer.alloc(8 + body.length)
  frame.writeUInt32BE(data.length, 0)
  body.copy(frame, 4)
  frame.writeUInt32BE(Bun.hash.crc32(body), 4 + body.length)
  return frame
}

const SAMPLES_A_SECOND = 8000

/** A second of a soft tone as WAV, 8 kHz, 8 bit. */
function tone(): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + SAMPLES_A_SECOND, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(SAMPLES_A_SECOND, 24)
  head.writeUInt32LE(SAMPLES_A_SECOND, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(SAMPLES_A_SECOND, 40)
  const samples = Buffer.alloc(SAMPLES_A_SECOND)
  for (let index = 0; index < SAMPLES_A_SECOND; index++) samples[index] = 128 + Math.round(24 * Math.sin(index / 4))
  return new Uint8Array(Buffer.concat([head, samples]))
}

/** An Opus frame of 20 ms in which nothing is heard. */
const SILENT_FRAME = Buffer.from([0xf8, 0xff, 0xfe])

const VOICE_FRAMES = 150

/** Three seconds of silence as Ogg with Opus, which is what the platform's voice notes are (RFC 7845). */
function voiceNote(): Uint8Array<ArrayBuffer> {
  const head = Buffer.from('OpusHead\u0001\u0001\u0000\u0000\u0080\u00bb\u0000\u0000\u0000\u0000\u0000', 'latin1')
  const vendor = Buffer.from('simulator', 'latin1')
  const tags = Buffer.concat([Buffer.from('OpusTags', 'latin1'), Buffer.alloc(4), vendor, Buffer.alloc(4)])
  tags.writeUInt32LE(vendor.length, 8)
  const frames = Array.from({ length: VOICE_FRAMES }, () => SILENT_FRAME)
  const pages = [
    oggPage([head], { flags: 2, granule: 0, sequence: 0 }),
    oggPage([tags], { flags: 0, granule: 0, sequence: 1 }),
    oggPage(frames, { flags: 4, granule: VOICE_FRAMES * 960, sequence: 2 }),
  ]
  return new Uint8Array(Buffer.concat(pages))
}

/** A page of Ogg with packets below 255 bytes (RFC 3533). */
function oggPage(
  packets: readonly Buffer[],
  { flags, granule, sequence }: { flags: number; granule: number; sequence: number },
): Buffer {
  const head = Buffer.alloc(27)
  head.write('OggS', 0, 'latin1')
  head[5] = flags
  head.writeUInt32LE(granule, 6)
  head.writeUInt32LE(1, 14)
  head.writeUInt32LE(sequence, 18)
  head[26] = packets.length
  const page = Buffer.concat([head, Buffer.from(packets.map((packet) => packet.length)), ...packets])
  page.writeUInt32LE(oggChecksum(page), 22)
  return page
}

/** CRC-32 with the polynomial 0x04c11db7, not reflected. */
function oggChecksum(page: Buffer): number {
  let sum = 0
  for (const byte of page) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
  }
  return sum >>> 0
}

/** A PDF of one page with one line. */
function page(): Uint8Array<ArrayBuffer> {
  const line = 'BT /F 24 Tf 72 720 Td (A document of the simulator) Tj ET'
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>',
    `<</Length ${line.length}>>\nstream\n${line}\nendstream`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ]
  let text = '%PDF-1.4\n'
  const places = objects.map((object, index) => {
    const place = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(place).padStart(10, '0')} 00000 n \n`
  })
  const size = objects.length + 1
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${places.join('')}`
  return decoded(
    Buffer.from(`${text}${table}trailer\n<</Size ${size}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF\n`).toString(
      'base64',
    ),
  )
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
