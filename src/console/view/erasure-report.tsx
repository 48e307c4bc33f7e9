import { fullTime } from '../times.ts'
import type { ErasureReport, ErasureView } from '../wire.ts'

/** What became of everything that was known of a person. It holds nothing personal. */
export function ErasureReportText({ report, erasure }: { report: ErasureReport; erasure: ErasureView }) {
  const counts = Object.entries(report.erased).filter(([, count]) => count > 0)
  return (
    <>
      <p>
        Gone since {fullTime(report.done_at)}: {counts.map(([what, count]) => countWords(what, count)).join(', ')}.
      </p>
      <h4>Copies that cannot be changed</h4>
      <ul>
        {report.copies.map((copy) => (
          <li key={copy.of}>
            <strong>{sentence(copy.of)}</strong>: {whenWords(copy)}
            <span className="note">{sentence(copy.because)}.</span>
          </li>
        ))}
      </ul>
      <p className="note">
        Report {erasure.id}, SHA-256 {erasure.report_sha256}
      </p>
    </>
  )
}

function countWords(what: string, count: number): string {
  const words = what.replaceAll('_', ' ')
  const one = words.endsWith('ies') ? `${words.slice(0, -3)}y` : words.replace(/s$/, '')
  return `${count} ${count === 1 ? one : words}`
}

function sentence(words: string): string {
  const text = words.replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function whenWords({ unreadable_since: since, unreadable_from: from }: ErasureReport['copies'][number]): string {
  if (since !== undefined) return `unreadable since ${fullTime(since)}.`
  return typeof from === 'string' ? `unreadable from ${fullTime(from)}.` : 'readable until the backups expire.'
}
