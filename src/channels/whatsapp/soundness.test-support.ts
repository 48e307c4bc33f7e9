import { CONTENT_KINDS, type MessageContent } from '../../core/content.ts'
import type { InboundItem, PersonReference } from '../../core/inbound.ts'
import { whatsapp } from './whatsapp.ts'

/** What is wrong with the items of a body, whatever the body was. Also asks what each of them says. */
export function faultsOf(items: readonly InboundItem[]): string[] {
  if (items.length === 0) return ['no item']
  return items.flatMap((item) => [...itemFaults(item), ...sayingFaults(item)])
}

function itemFaults(item: InboundItem): string[] {
  const faults: string[] = []
  if ('upstreamId' in item && !isKey(item.upstreamId)) faults.push(`${item.kind}: no id`)
  if (item.atMs !== null && !Number.isSafeInteger(item.atMs)) faults.push(`${item.kind}: no time`)
  // What the firm wrote to a group is about nobody.
  const isToGroup = 'direction' in item && item.direction === 'out' && 'group' in item
  if ('person' in item && !isToGroup && !isPerson(item.person)) faults.push(`${item.kind}: nobody`)
  if (item.account && !isKey(item.account.id)) faults.push(`${item.kind}: no account`)
  return [...faults, ...ownFaults(item)]
}

function ownFaults(item: InboundItem): string[] {
  switch (item.kind) {
    case 'message':
      return item.identity && !isPerson(item.identity.to) ? ['identity of nobody'] : []
    case 'act':
      if (!isKey(item.targetUpstreamId)) return ['an act on nothing']
      return (item.act === 'edit') === (item.edited !== undefined) ? [] : ['an edit without a message']
    case 'group':
      return item.members.every(isPerson) && isKey(item.group.id) ? [] : ['a group of nobody']
    case 'notice':
      return item.facts.length <= 64 && item.facts.every((fact) => isFact(fact.value)) ? [] : ['no fact']
    default:
      return []
  }
}

function sayingFaults(item: InboundItem): string[] {
  if (item.kind === 'message') return contentFaults(item.type, item.raw)
  if (item.kind === 'act') {
    const edited = item.edited ? contentFaults(item.edited.type, item.edited.raw) : []
    return [...contentFaults(item.act, item.raw), ...edited]
  }
  return item.kind === 'call' ? contentFaults('call', item.raw) : []
}

/** Throws where `content` or `view` do, which they must not. */
export function contentFaults(type: string, raw: Record<string, unknown>): string[] {
  const content: MessageContent = whatsapp.content(type, raw)
  whatsapp.view(type, raw)
  const faults: string[] = []
  if (!CONTENT_KINDS.includes(content.kind)) faults.push(`content of type ${type}: no kind`)
  if (content.text !== undefined && !content.text.isWellFormed()) faults.push(`content of type ${type}: broken text`)
  const isPlaced = content.place === undefined || Number.isFinite(content.place.latitude + content.place.longitude)
  if (!isPlaced) faults.push(`content of type ${type}: nowhere`)
  const sums = content.attachments ?? []
  if (!sums.every(({ sha256 }) => sha256 === null || /^[0-9a-f]{64}$/.test(sha256))) faults.push('a wrong sum')
  return faults
}

function isKey(value: string): boolean {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}

function isPerson({ phone, userId }: PersonReference): boolean {
  return phone === undefined ? userId !== undefined && isKey(userId) : /^\+[1-9]\d{0,14}$/.test(phone)
}

function isFact(value: string | number | null): boolean {
  return typeof value === 'string'
    ? value.isWellFormed() && value.length <= 200
    : value === null || Number.isFinite(value)
}
