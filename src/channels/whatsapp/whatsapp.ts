import type { Channel } from '../channel.ts'
import { contentOf } from './content.ts'
import { viewOf } from './describe.ts'
import { locateFile } from './file.ts'
import { defaultClass, prepareMessage } from './outbound.ts'
import { itemsOf } from './parse.ts'
import { send } from './send.ts'
import { challengeAnswer, SIGNATURE_HEADER, signatureIsValid } from './signature.ts'

/** The WhatsApp Business Platform's Cloud API. */
export const whatsapp: Channel = {
  name: 'whatsapp',
  verifySignature: ({ headers, body, secrets }) => signatureIsValid(body, headers.get(SIGNATURE_HEADER), secrets),
  answerChallenge: challengeAnswer,
  parse: itemsOf,
  view: viewOf,
  content: contentOf,
  prepare: prepareMessage,
  defaultClass: (message, templateCategory) => defaultClass(message.content, templateCategory),
  send,
  locateFile,
}
