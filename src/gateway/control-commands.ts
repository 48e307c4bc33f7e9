import { auditedCommand } from '../compliance/audited-command.ts'
import type { ControlCommand } from '../http/control.ts'
import { readBackup, readErase, readKey, readRelease, readReplay } from '../http/control-asks.ts'
import type { AuditNote } from '../records/audit.ts'
import { eraseWhole } from '../relay/erase-command.ts'
import { release } from '../relay/release.ts'
import { type ReplayAsk, replay } from '../relay/replay.ts'
import type { Base } from './base.ts'
import { houseFacts } from './house-facts.ts'
import type { Parts } from './parts.ts'

/** What commands of the command line may ask of the running house, through the socket in its folder. */
export function controlCommands(base: Base, parts: Parts): Record<string, ControlCommand> {
  const audited = Object.entries(commandsOf(base, parts)).map(([name, run]): [string, ControlCommand] => {
    const action = AUDITED[name]
    if (action === undefined) return [name, run]
    const later = (note: AuditNote) => parts.audit.notes.note(note)
    return [name, (ask) => auditedCommand(base.house.book.ask, action, () => run(ask), later)]
  })
  return Object.fromEntries(audited)
}

/** What the audit calls them. The others change nothing and show nothing of anybody. */
const AUDITED: Readonly<Record<string, string>> = {
  replay: 'journal.replay',
  release: 'message.release',
  erase: 'contact.erase',
  'master-key': 'master_key.change',
  reload: 'configuration.reload',
  support: 'support.export',
  backup: 'backup.take',
  'search/rebuild': 'search.rebuild',
}

function commandsOf(base: Base, parts: Parts): Record<string, ControlCommand> {
  const { destruction, search, safekeeping } = parts
  return {
    replay: async (ask) => ({ replayed: await replayHere(base, readReplay(ask)) }),
    release: (ask) => release(base.house.book.ask, readRelease(ask), base.config.dispatch.deadlineMs),
    erase: (ask) => eraseWhole(base.house, destruction.eraser, readErase(ask)),
    'master-key': async (ask) => {
      await destruction.changeMasterKey(readKey(ask))
      return { changed: true }
    },
    reload: () => parts.reload.run(),
    doctor: () => houseFacts(base, parts),
    support: async () => ({ metrics: await base.metrics.render(), ...base.options.recentLines?.() }),
    backup: (ask) => safekeeping.backups.take(readBackup(ask)),
    'search/rebuild': async () => {
      await search.rebuild()
      return { rebuilding: true }
    },
  }
}

async function replayHere({ house, options }: Base, ask: ReplayAsk): Promise<number> {
  const journal = house.journalReader()
  const append = (entry: { source: string; body: Uint8Array }) => house.inbound.accept(entry.source, entry.body)
  try {
    return await replay({ ask: house.book.ask, journal, append, nowMs: () => options.clock.epochMs() }, ask)
  } finally {
    journal.close()
  }
}
