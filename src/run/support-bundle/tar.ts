const BLOCK_BYTES = 512
const NAME_BYTES_MAX = 100

export interface TarFile {
  /** Inside the archive; ASCII, at most 100 bytes. */
  path: string
  content: Uint8Array
}

/** A tar archive in the form of POSIX 1003.1-1988 (ustar), which every tar reads. Files only, of mode 0600. */
export function tar(files: readonly TarFile[], atMs: number): Uint8Array {
  const blocks: Uint8Array[] = []
  for (const { path, content } of files) {
    blocks.push(header(path, content.byteLength, atMs), content)
    blocks.push(new Uint8Array((BLOCK_BYTES - (content.byteLength % BLOCK_BYTES)) % BLOCK_BYTES))
  }
  // Two empty blocks are the end.
  return Buffer.concat([...blocks, new Uint8Array(2 * BLOCK_BYTES)])
}

function header(path: string, bytes: number, atMs: number): Uint8Array {
  if (path.length > NAME_BYTES_MAX) throw new Error(`A name in an archive has at most ${NAME_BYTES_MAX} characters`)
  const block = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, length: number) =>
    `${Math.floor(value)
      .toString(8)
      .padStart(length - 1, '0')}\0`
  block.write(path, 0, 'latin1')
  block.write(octal(0o600, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(bytes, 12), 124)
  block.write(octal(atMs / 1000, 12), 136)
  // The sum is made as if its own place were blank.
  block.write(' '.repeat(8), 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
