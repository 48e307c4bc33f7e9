import { CsvError, parse } from 'csv-parse/sync'

/** Beyond it a row is refused: nobody's line about a person is so long. */
const ROW_CHARS_MAX = 10_000

/**
 * The rows of a CSV file (RFC 4180). The separator is a comma, or a semicolon as spreadsheets write it where a comma parts
 * decimals: whichever the heading has. A row that cannot be read is told with its number, the heading being 1.
 */
export function parseCsv(text: string): { rows: string[][] } | { fault: { row: number; text: string } } {
  const heading = /^[^\r\n]*/.exec(text)?.[0] ?? ''
  const delimiter = heading.includes(';') && !heading.includes(',') ? ';' : ','
  try {
    const rows: string[][] = parse(text, {
      delimiter,
      bom: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: ROW_CHARS_MAX,
    })
    return { rows }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const row = typeof error['records'] === 'number' ? error['records'] + 1 : 1
    return { fault: { row, text: 'A quote is not closed or stands inside a cell, or the row is too long' } }
  }
}
