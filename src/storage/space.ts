import { statfs } from 'node:fs/promises'

/** What the file system of a folder says. */
export interface Space {
  /** What this process may still write. */
  freeBytes: number
  totalBytes: number
  /** How many files more may be made (free inodes); absent where the file system has no such bound. */
  freeFiles?: number
  /** The kernel's number of the kind of file system. */
  kind: number
}

/** What SQLite's locks and syncs are worth there. */
export type FileSystemTrust = 'local' | 'network' | 'memory' | 'layered' | 'unknown'

/** The kinds that are told apart, by the kernel's numbers (linux/magic.h). */
const KINDS: Readonly<Record<number, readonly [name: string, trust: FileSystemTrust]>> = {
  61267: ['ext4', 'local'],
  1481003842: ['xfs', 'local'],
  2435016766: ['btrfs', 'local'],
  801189825: ['zfs', 'local'],
  4076150800: ['f2fs', 'local'],
  3393526350: ['bcachefs', 'local'],
  16914836: ['tmpfs', 'memory'],
  2240043254: ['ramfs', 'memory'],
  2035054128: ['overlay', 'layered'],
  26985: ['nfs', 'network'],
  4283649346: ['cifs', 'network'],
  4266872130: ['smb2', 'network'],
  20859: ['smb', 'network'],
  16914839: ['9p', 'network'],
  12805120: ['ceph', 'network'],
  1397113167: ['afs', 'network'],
  1196443219: ['gpfs', 'network'],
  1702057286: ['fuse', 'unknown'],
}

export function fileSystemOf(kind: number): { name: string; trust: FileSystemTrust } {
  // Some platforms tell the number with its sign.
  const [name, trust] = KINDS[kind >>> 0] ?? ['another kind', 'unknown']
  return { name, trust }
}

/** Asks the file system that a folder lies on. Off the main thread. */
export async function readSpace(folder: string): Promise<Space> {
  const { bavail, bsize, blocks, files, ffree, type } = await statfs(folder)
  const bound = files > 0 ? { freeFiles: ffree } : {}
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, ...bound, kind: type }
}
