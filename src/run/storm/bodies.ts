import { displayOf, PEOPLE, phoneNumberId, WABA } from './plan.ts'

/** As customers write: one word to a paragraph, four scripts. */
const SENTENCES = [
  'Hi',
  'Is this still available?',
  'Hello, I ordered on Monday and the parcel has not come yet. Can you look, please?',
  'Good morning, do you have the blue one in size 42? I would try it on this weekend if you are open on Saturday.',
  'Guten Tag, wann kommt meine Bestellung? Ich bin am Donnerstag leider nicht zu Hause.',
  'Спасибо большое',
  '你好，请问这个还有货吗？',
  'はい、お願いします',
  'Hola, quisiera cambiar mi cita del viernes al lunes por la tarde.',
  'ok',
] as const

/** A step between two people who write one after the other: prime, so that all take their turn. */
const STRIDE = 7_919

/** The platform's body with one message of a customer, the n-th of a step. Its id says which one it is. */
export function messageBody(step: number, index: number, atMs: number): string {
  const person = (index * STRIDE + step) % PEOPLE
  const phone = `49151${10_000_000 + person}`
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: WABA,
        changes: [
          {
            field: 'messages',
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: displayOf(person).slice(1), phone_number_id: phoneNumberId(person) },
              contacts: [{ profile: { name: `Customer ${person}` }, wa_id: phone }],
              messages: [
                {
                  from: phone,
                  id: messageId(step, index),
                  timestamp: String(Math.floor(atMs / 1000)),
                  text: { body: SENTENCES[index % SENTENCES.length] },
                  type: 'text',
                },
              ],
            },
          },
        ],
      },
    ],
  })
}

function messageId(step: number, index: number): string {
  return `wamid.STORM.${step}.${index}`
}

/** Messages of the storm in a frame of events: step, index, conversation. */
export const HEARD_MESSAGE = /"upstream_id":"wamid\.STORM\.(\d+)\.(\d+)","conversation_id":"([^"]+)"/g

export function replyReference(step: number, index: number): string {
  return `storm.${step}.${index}`
}

/** Answers that the platform has taken, in a frame of events: step, index. */
export const TAKEN_REPLY = /"reference":"storm\.(\d+)\.(\d+)","state":"accepted"/g
