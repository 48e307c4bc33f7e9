import { GraphRefusal } from './graph-error.ts'
import { isObject, type JsonObject, objectMember, textMember } from './json.ts'

/** The platform's limits of an interactive message, in characters or pieces. */
const LIMIT = {
  body: 1024,
  listBody: 4096,
  footer: 60,
  header: 60,
  buttons: 3,
  buttonId: 256,
  buttonTitle: 20,
  sections: 10,
  sectionTitle: 24,
  rows: 10,
  rowId: 200,
  rowTitle: 24,
  rowDescription: 72,
} as const

/** Kinds of which only the outer form is checked. */
const OTHER_KINDS = [
  'flow',
  'product',
  'product_list',
  'catalog_message',
  'carousel',
  'call_permission_request',
  'voice_call',
  'request_contact_info',
  'address_message',
]

/** Kinds whose body may be missing. */
const BODILESS_KINDS = ['product', 'call_permission_request', 'voice_call']

/** Checks the object of an interactive message as the platform does; throws a `GraphRefusal`. */
export function checkInteractive(object: JsonObject): void {
  const kind = object['type']
  if (typeof kind !== 'string') throw new GraphRefusal(131008, "Parameter interactive['type'] is required.")
  const action = objectMember(object, 'action')
  const check = Object.hasOwn(KIND_CHECKS, kind) ? KIND_CHECKS[kind] : undefined
  if (!check && !OTHER_KINDS.includes(kind)) throw new GraphRefusal(131009, 'interactive.type is not a known kind.')
  if (!action) throw new GraphRefusal(131008, "Parameter interactive['action'] is required.")
  const body = textMember(objectMember(object, 'body'), 'text')
  if (!body && !BODILESS_KINDS.includes(kind)) {
    throw new GraphRefusal(131008, "Parameter interactive['body']['text'] is required.")
  }
  atMost(body, kind === 'list' ? LIMIT.listBody : LIMIT.body, 'interactive.body.text')
  atMost(textMember(objectMember(object, 'footer'), 'text'), LIMIT.footer, 'interactive.footer.text')
  atMost(textMember(objectMember(object, 'header'), 'text'), LIMIT.header, 'interactive.header.text')
  check?.(action)
}

const KIND_CHECKS: Readonly<Record<string, (action: JsonObject) => void>> = {
  button: checkButtons,
  list: checkList,
  cta_url: checkLinkButton,
  location_request_message: (action) => {
    if (action['name'] !== 'send_location') throw new GraphRefusal(131009, 'action.name must be send_location.')
  },
}

function checkButtons(action: JsonObject): void {
  const buttons = listMember(action, 'buttons', LIMIT.buttons)
  const titles = buttons.map((button) => {
    const reply = objectMember(button, 'reply')
    const id = required(reply, 'id', LIMIT.buttonId)
    return { id, title: required(reply, 'title', LIMIT.buttonTitle) }
  })
  if (new Set(titles.map((button) => button.title)).size < titles.length) {
    throw new GraphRefusal(131009, 'The titles of the buttons must differ.')
  }
}

function checkList(action: JsonObject): void {
  required(action, 'button', LIMIT.buttonTitle)
  const sections = listMember(action, 'sections', LIMIT.sections)
  let rowCount = 0
  for (const section of sections) {
    if (sections.length > 1) required(section, 'title', LIMIT.sectionTitle)
    for (const row of listMember(section, 'rows', LIMIT.rows)) {
      rowCount += 1
      required(row, 'id', LIMIT.rowId)
      required(row, 'title', LIMIT.rowTitle)
      atMost(textMember(row, 'description'), LIMIT.rowDescription, 'row.description')
    }
  }
  if (rowCount > LIMIT.rows) throw new GraphRefusal(131009, `A list has at most ${LIMIT.rows} rows in total.`)
}

function checkLinkButton(action: JsonObject): void {
  if (action['name'] !== 'cta_url') throw new GraphRefusal(131009, 'action.name must be cta_url.')
  const parameters = objectMember(action, 'parameters')
  required(parameters, 'display_text', LIMIT.buttonTitle)
  const url = required(parameters, 'url', 2000)
  if (!URL.canParse(url)) throw new GraphRefusal(131009, 'action.parameters.url is not a valid URI.')
}

function listMember(object: JsonObject, name: string, most: number): JsonObject[] {
  const list = object[name]
  if (!Array.isArray(list) || list.length === 0) throw new GraphRefusal(131008, `Parameter ${name} is required.`)
  if (list.length > most) throw new GraphRefusal(131009, `${name} has at most ${most} members.`)
  return list.map((member) => {
    if (!isObject(member)) throw new GraphRefusal(131009, `${name} must hold objects.`)
    return member
  })
}

function required(object: JsonObject | undefined, name: string, most: number): string {
  const value = textMember(object, name)
  if (!value) throw new GraphRefusal(131008, `Parameter ${name} is required.`)
  atMost(value, most, name)
  return value
}

function atMost(text: string | undefined, most: number, name: string): void {
  if (text !== undefined && [...text].length > most) {
    throw new GraphRefusal(131009, `${name} must be at most ${most} characters long.`)
  }
}
