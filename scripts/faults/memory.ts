/**
 * T29: 256 MiB of memory, and files of 100 MB come in: `bun scripts/faults/memory.ts [--limit 256] [--files 5] [--rounds 2]`.
 * Needs root and cgroup v1.
 */
import { MemoryLimit, memoryFault } from '../../src/testing/crash/machine-faults.ts'
import { faultArguments, runFaults } from './with-faults.ts'

const MIB = 2 ** 20
/** What the platform sends at most as a document. */
const FILE_MB = 100
const given = faultArguments({ limit: 256, files: 5, rounds: 2 })
const limit = new MemoryLimit(`gatehouse-${process.pid}`, given.number('limit') * MIB)
process.on('exit', () => limit.remove())
const faults = Array.from({ length: given.number('rounds') }, () => memoryFault(limit, given.number('files'), FILE_MB))
await runFaults({ ...given, houses: 1 }, faults)
