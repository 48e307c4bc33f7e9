import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { pause, systemClock, yieldToLoop } from '../core/clock.ts'
import { nameOfError } from '../core/failure.ts'
import { dayKeyName } from '../journal/entry.ts'
import { JournalShipper } from '../journal/journal-shipper.ts'
import { BEAT_MS, ShipHold } from '../journal/ship-hold.ts'
import { backupNameOf } from '../storage/backup-manifest.ts'
import { failThread, serveThread } from '../storage/serve-thread.ts'
import { stepBack } from '../storage/step-back.ts'
import { Vault } from '../vault/vault.ts'
import { claimForHouse, houseMarkOf, requireOutside } from './house-places.ts'

/** Behind what answers webhooks, and before search and backups: a second is soon over. */
const NICENESS = 5
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 30_000

export interface OpenShip {
  dataDir: string
  folder: string
  masterKey: Uint8Array
}

export type ShipNotice = { kind: 'shipped'; seq: number } | { kind: 'fault'; fault: string }

declare const self: Worker

class ShipThread {
  readonly #open: OpenShip
  readonly #vault: Vault
  readonly #hold: ShipHold
  #cancelBeat: (() => void) | undefined
  #master: Uint8Array
  #shipper: JournalShipper | undefined
  #isWorking = false
  #isClosing = false
  #retryMs = RETRY_MS_MIN
  readonly #stop = new AbortController()

  constructor(open: OpenShip) {
    this.#open = open
    this.#master = open.masterKey
    this.#vault = new Vault(join(open.dataDir, 'vault.db'), open.masterKey, { readonly: true })
    const { folder, dataDir } = open
    this.#hold = new ShipHold({ folder, journalFolder: join(dataDir, 'journal') }, systemClock)
  }

  wake(): void {
    if (this.#isWorking) return
    this.#isWorking = true
    this.#work().catch(failThread)
  }

  endDays(days: readonly string[]): void {
    this.#vault.forget({ persons: [], names: days.map(dayKeyName) })
    // Where the place cannot be reached, the next opening sees that the keys are destroyed.
    this.#guarded(() => this.#opened().endDays(days))
  }

  learnMaster(next: Uint8Array): void {
    this.#vault.learnMaster(next)
    this.#master = next
    this.#guarded(() => this.#opened().learnMaster(next))
  }

  async close(): Promise<void> {
    while (this.#isWorking && !this.#isClosing && this.#shipper) await yieldToLoop()
    this.#isClosing = true
    this.#stop.abort()
    while (this.#isWorking) await yieldToLoop()
    if (this.#shipper) this.#guarded(() => this.#hold.release())
    this.#drop()
    this.#vault.close()
  }

  async #work(): Promise<void> {
    for (let isDone = false; !isDone && !this.#isClosing; ) {
      try {
        const shipper = this.#opened()
        this.#hold.require()
        isDone = shipper.step()
        tell({ kind: 'shipped', seq: shipper.shippedSeq() })
        this.#retryMs = RETRY_MS_MIN
        await yieldToLoop()
      } catch (error) {
        this.#fault(error)
        await pause(systemClock, this.#retryMs, this.#stop.signal)
        // Whoever else ships there may end at any moment.
        if (nameOfError(error) !== 'in_use') this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
      }
    }
    this.#isWorking = false
  }

  #opened(): JournalShipper {
    if (this.#shipper) return this.#shipper
    const { dataDir, folder } = this.#open
    const vault = this.#vault
    requireOutside(folder, dataDir)
    claimForHouse(folder, { mark: houseMarkOf(vault), dataDir })
    this.#hold.take()
    this.#shipper = new JournalShipper({
      journalFolder: join(dataDir, 'journal'),
      folder,
      master: this.#master,
      keyOf: (day) => vault.findNamedKey(dayKeyName(day)),
      isDestroyed: (day) => vault.isDestroyed(dayKeyName(day)),
      setAsideName: () => `other-${backupNameOf(systemClock.epochMs())}`,
    })
    this.#beatAgain()
    return this.#shipper
  }

  #beatAgain(): void {
    this.#cancelBeat = systemClock.after(BEAT_MS, () => {
      try {
        this.#hold.beat()
        this.#beatAgain()
      } catch (error) {
        this.#fault(error)
        this.wake()
      }
    })
  }

  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fault(error)
    }
  }

  /** Whatever it was: the second place is opened anew, and what is torn there is cut off. */
  #fault(error: unknown): void {
    this.#drop()
    tell({ kind: 'fault', fault: nameOfError(error) })
  }

  #drop(): void {
    this.#cancelBeat?.()
    try {
      this.#shipper?.close()
    } catch {
      // It could not be written to any more.
    }
    this.#shipper = undefined
  }
}

function tell(notice: ShipNotice): void {
  self.postMessage({ notice })
}

let thread: ShipThread | undefined

const opened = () => must(thread, 'the shipping, which is open')

const answers = {
  open(ask: OpenShip): void {
    stepBack(NICENESS)
    thread = new ShipThread(ask)
    thread.wake()
  },
  wake: () => opened().wake(),
  endDays: (days: readonly string[]) => opened().endDays(days),
  learnMaster: (next: Uint8Array) => opened().learnMaster(next),
  // Also where it could not be opened.
  close: () => thread?.close(),
}

export type ShipAnswers = typeof answers

// What fails ends this thread alone: the journal itself goes on.
serveThread({ answers })
