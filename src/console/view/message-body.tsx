import type { Desk } from '../desk.ts'
import { contentOf, describeMessage, linksIn } from '../message-text.ts'
import type { ContentView, MessageView, OrderItemView, ReferralView, SharedPersonView } from '../wire.ts'
import { Attachments } from './attachment.tsx'
import { Icon } from './icons.tsx'

/** What a message says, each kind in its own form. */
export function MessageBody({ message, desk }: { message: MessageView; desk: Desk }) {
  const content = contentOf(message)
  return (
    <>
      {content.referral !== undefined && <ReferralHead referral={content.referral} />}
      {content.forwarded !== undefined && (
        <span className="kind kind-forwarded">
          <Icon name="forward" /> {content.forwarded === 'often' ? 'Forwarded many times' : 'Forwarded'}
        </span>
      )}
      {content.product !== undefined && <span className="kind">About the product {content.product.product_id}</span>}
      <Attachments message={message} desk={desk} />
      <Said message={message} content={content} />
    </>
  )
}

function Said({ message, content }: { message: MessageView; content: ContentView }) {
  switch (content.kind) {
    case 'attachment':
      // What we sent ourselves has its words alone.
      if (message.attachments === undefined) return <Plain message={message} />
      return content.text === undefined ? null : <Words text={content.text} />
    case 'location':
      return <Place content={content} />
    case 'contacts':
      return <People people={content.people ?? []} />
    case 'choice':
      return <Choice content={content} />
    case 'form':
      return <Form content={content} />
    case 'order':
      return <Order content={content} />
    case 'call':
      return (
        <span className="happening">
          <Icon name="call" /> {describeMessage(message).kind}
        </span>
      )
    default:
      return <Plain message={message} />
  }
}

/** The message in a word or two, as lists have it. */
function Plain({ message }: { message: MessageView }) {
  const { kind, text, note } = describeMessage(message)
  return (
    <>
      {kind !== null && <span className="kind">{kind}</span>}
      {text !== null && <Words text={text} />}
      {note !== null && <span className="note">{note}</span>}
    </>
  )
}

function Words({ text }: { text: string }) {
  return (
    <span className="text" dir="auto">
      <Linked text={text} />
    </span>
  )
}

/** Only ways to the web are followed: what a customer sends may name others. */
function webAddress(text: string | null | undefined): string | null {
  return typeof text === 'string' && /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null
}

function Place({ content }: { content: ContentView }) {
  const { place } = content
  if (place === undefined) return <span className="kind">Location</span>
  const { latitude, longitude, name, address } = place
  const own = webAddress(place.url)
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=17/${latitude}/${longitude}`
  return (
    <span className="card">
      <Icon name="place" />
      <span className="card-lines">
        <strong dir="auto">{name ?? 'Location'}</strong>
        {address !== undefined && <span dir="auto">{address}</span>}
        <span className="note">
          {latitude}, {longitude}
        </span>
        <span>
          <a href={map} target="_blank" rel="noopener noreferrer">
            Open a map
          </a>
          {own !== null && (
            <>
              {' · '}
              <a href={own} target="_blank" rel="noopener noreferrer">
                Its page
              </a>
            </>
          )}
        </span>
      </span>
    </span>
  )
}

function People({ people }: { people: readonly SharedPersonView[] }) {
  if (people.length === 0) return <span className="kind">Contact card, empty</span>
  return people.map((person, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: cards of one message never move.
    <span key={index} className="card">
      <Icon name="person" />
      <span className="card-lines">
        <strong dir="auto">{person.name ?? 'Contact card'}</strong>
        {person.organization !== null && <span dir="auto">{person.organization}</span>}
        {person.phones.map((phone) => (
          <a key={phone} href={`tel:${phone.replace(/[^+\d]/g, '')}`}>
            {phone}
          </a>
        ))}
        {person.emails.map((email) => (
          <a key={email} href={`mailto:${encodeURIComponent(email).replace('%40', '@')}`}>
            {email}
          </a>
        ))}
      </span>
    </span>
  ))
}

function Choice({ content }: { content: ContentView }) {
  const { choice, product } = content
  return (
    <>
      <span className="kind">Choice</span>
      <span className="chosen" dir="auto">
        {choice?.title || content.text || product?.product_id || 'Something was chosen'}
      </span>
      {choice?.description !== undefined && (
        <span className="note" dir="auto">
          {choice.description}
        </span>
      )}
    </>
  )
}

function Form({ content }: { content: ContentView }) {
  const answers = content.form?.answers ?? null
  const rows = answers === null ? [] : Object.entries(answers).filter(([name]) => name !== 'flow_token')
  return (
    <>
      <span className="kind kind-forwarded">
        <Icon name="form" /> {content.form?.name === 'address_message' ? 'Address' : 'Form, filled in'}
      </span>
      {rows.length === 0 ? (
        <span className="note">{answers === null ? 'Its answers could not be read.' : 'Without answers.'}</span>
      ) : (
        <table className="answers">
          <tbody>
            {rows.map(([name, value]) => (
              <tr key={name}>
                <th scope="row" dir="auto">
                  {name.replaceAll('_', ' ')}
                </th>
                <td dir="auto">{answerWords(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

function answerWords(value: unknown): string {
  if (value === true) return 'Yes'
  if (value === false) return 'No'
  if (value === null || value === undefined || value === '') return 'No answer'
  if (Array.isArray(value)) return value.map(answerWords).join(', ')
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, each]) => `${name.replaceAll('_', ' ')}: ${answerWords(each)}`)
    .join(', ')
}

function Order({ content }: { content: ContentView }) {
  const items = content.order?.items ?? []
  return (
    <>
      <span className="kind kind-forwarded">
        <Icon name="order" /> Order
      </span>
      <table className="answers">
        <tbody>
          {items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: items of one order never move.
            <tr key={index}>
              <td>{item.quantity} ×</td>
              <th scope="row">{item.product_id}</th>
              <td className="amount">{priceWords(item)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {totalWords(items) !== null && <span className="chosen">{totalWords(items)}</span>}
      {content.text !== undefined && <Words text={content.text} />}
    </>
  )
}

function priceWords({ price, currency }: OrderItemView): string {
  return price === null ? '' : money(Number(price), currency, price)
}

/** The sum, where all have a price in one currency. */
function totalWords(items: readonly OrderItemView[]): string | null {
  const [first] = items
  const isOne = items.every(
    (item) => item.currency === first?.currency && Number.isFinite(Number(item.price ?? Number.NaN)),
  )
  if (first === undefined || !isOne) return null
  const sum = items.reduce((total, item) => total + Number(item.price) * item.quantity, 0)
  return `Total ${money(sum, first.currency, sum.toFixed(2))}`
}

function money(amount: number, currency: string | null, otherwise: string): string {
  try {
    return new Intl.NumberFormat(undefined, { style: 'currency', currency: currency ?? '' }).format(amount)
  } catch {
    return [otherwise, currency].filter(Boolean).join(' ')
  }
}

function ReferralHead({ referral }: { referral: ReferralView }) {
  const url = webAddress(referral.url)
  return (
    <span className="referral">
      <span className="kind">
        {referral.source_type === 'post' ? 'Came from a post' : 'Came from an advertisement'}
      </span>
      {referral.headline && <strong dir="auto">{referral.headline}</strong>}
      {referral.body && <span dir="auto">{referral.body}</span>}
      {url !== null && (
        <a href={url} target="_blank" rel="noopener noreferrer">
          {new URL(url).hostname}
        </a>
      )}
    </span>
  )
}

/** Text with its web addresses to open. They learn nothing of where they were opened from. */
export function Linked({ text }: { text: string }) {
  return linksIn(text).map((piece, index) =>
    piece.href === null ? (
      piece.text
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text never move.
      <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer">
        {piece.text}
      </a>
    ),
  )
}
