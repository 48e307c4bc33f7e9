import { Failure } from '../core/failure.ts'
import type { JsonObject } from './json.ts'

/** A message of each kind that a customer may send, ready to be sent. Media get a small true file. */
const SAMPLES = {
  photo: { plain: 'A photo', message: { type: 'image', image: {} } },
  photo_with_caption: {
    plain: 'A photo with words beside it',
    message: { type: 'image', image: { caption: 'It arrived like this' } },
  },
  voice: { plain: 'A voice note', message: { type: 'audio', audio: { voice: true } } },
  audio: { plain: 'An audio file', message: { type: 'audio', audio: {} } },
  video: { plain: 'A video', message: { type: 'video', video: { caption: 'Look what it does' } } },
  document: { plain: 'A document', message: { type: 'document', document: { caption: 'The receipt' } } },
  sticker: { plain: 'A sticker', message: { type: 'sticker', sticker: {} } },
  media_too_large: {
    plain: 'A file that the platform could not take',
    message: {
      type: 'unsupported',
      errors: [
        {
          code: 131052,
          title: 'Media download error',
          message: 'Media download error',
          error_data: { details: 'Unable to download the media sent by the user.' },
        },
      ],
    },
  },
  location: {
    plain: 'A place',
    message: {
      type: 'location',
      location: {
        latitude: 52.5163,
        longitude: 13.3777,
        name: 'Brandenburg Gate',
        address: 'Pariser Platz, 10117 Berlin',
        url: 'https://example.com/gate',
      },
    },
  },
  where_i_am: {
    plain: 'Where somebody is, without a name',
    message: { type: 'location', location: { latitude: 48.8584, longitude: 2.2945 } },
  },
  contact: {
    plain: 'A contact card',
    message: {
      type: 'contacts',
      contacts: [
        {
          name: { formatted_name: 'Nora Vance', first_name: 'Nora', last_name: 'Vance' },
          org: { company: 'Vance Couriers' },
          phones: [{ phone: '+44 7700 900321', wa_id: '447700900321', type: 'WORK' }],
          emails: [{ email: 'nora@example.com', type: 'WORK' }],
        },
      ],
    },
  },
  own_phone: {
    plain: 'Their own phone, asked for by a button',
    message: {
      type: 'contacts',
      contacts: [
        {
          origin: 'contact_request',
          phones: [{ phone: '+447700900142', wa_id: '447700900142' }],
          vcard: 'BEGIN:VCARD\nVERSION:3.0\nTEL:+447700900142\nEND:VCARD',
        },
      ],
    },
  },
  button: {
    plain: 'A button was tapped',
    message: {
      type: 'interactive',
      interactive: { type: 'button_reply', button_reply: { id: 'confirm', title: 'Confirm' } },
    },
  },
  list: {
    plain: 'A row of a list was chosen',
    message: {
      type: 'interactive',
      interactive: {
        type: 'list_reply',
        list_reply: { id: 'morning', title: 'In the morning', description: '8 to 12 o’clock' },
      },
    },
  },
  template_button: {
    plain: 'The button of a template was tapped',
    message: { type: 'button', button: { payload: 'stop', text: 'Stop these messages' } },
  },
  form: {
    plain: 'A form was filled in',
    message: {
      type: 'interactive',
      interactive: {
        type: 'nfm_reply',
        nfm_reply: {
          name: 'flow',
          body: 'Sent',
          response_json: JSON.stringify({
            flow_token: 'booking-17',
            day: '2026-12-04',
            guests: 4,
            wishes: ['Window seat', 'High chair'],
            newsletter: false,
          }),
        },
      },
    },
  },
  address: {
    plain: 'An address form was filled in',
    message: {
      type: 'interactive',
      interactive: {
        type: 'nfm_reply',
        nfm_reply: {
          name: 'address_message',
          body: '12 Mill Lane, Bath',
          response_json: JSON.stringify({ values: { name: 'Amara Osei', address: '12 Mill Lane', city: 'Bath' } }),
        },
      },
    },
  },
  form_without_sense: {
    plain: 'A form whose answers are no object',
    message: {
      type: 'interactive',
      interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '"none"' } },
    },
  },
  call_permission: {
    plain: 'The firm may call',
    message: {
      type: 'interactive',
      interactive: {
        type: 'call_permission_reply',
        call_permission_reply: {
          response: 'accept',
          expiration_timestamp: 1_796_000_000,
          response_source: 'user_action',
        },
      },
    },
  },
  call_refusal: {
    plain: 'The firm may not call',
    message: {
      type: 'interactive',
      interactive: {
        type: 'call_permission_reply',
        call_permission_reply: { response: 'reject', response_source: 'user_action' },
      },
    },
  },
  order: {
    plain: 'An order out of the catalogue',
    message: {
      type: 'order',
      order: {
        catalog_id: '194830000000001',
        text: 'As a present, please',
        product_items: [
          { product_retailer_id: 'mug-blue', quantity: 2, item_price: 12.5, currency: 'EUR' },
          { product_retailer_id: 'teapot', quantity: 1, item_price: 38, currency: 'EUR' },
        ],
      },
    },
  },
  product_question: {
    plain: 'A question about a product',
    message: {
      type: 'text',
      text: { body: 'Do you still have this one?' },
      context: { referred_product: { catalog_id: '194830000000001', product_retailer_id: 'mug-blue' } },
    },
  },
  forwarded: {
    plain: 'A forwarded text',
    message: { type: 'text', text: { body: 'Is this offer true?' }, context: { forwarded: true } },
  },
  forwarded_often: {
    plain: 'A text that was forwarded often',
    message: { type: 'text', text: { body: 'Send this to ten friends!' }, context: { frequently_forwarded: true } },
  },
  from_ad: {
    plain: 'Somebody came from an advertisement',
    message: {
      type: 'text',
      text: { body: 'Can I hear more about this?' },
      referral: {
        source_url: 'https://example.com/ads/autumn',
        source_id: '120200000000000001',
        source_type: 'ad',
        headline: 'Autumn mugs, freshly fired',
        body: 'Order by Friday, drink tea by Sunday.',
        media_type: 'image',
        image_url: 'https://example.com/ads/autumn.jpg',
        ctwa_clid: 'click-0001',
        welcome_message: { text: 'Hello, how can we help?' },
      },
    },
  },
  unsupported: {
    plain: 'A kind that the platform does not hand over',
    message: { type: 'unsupported', unsupported: { type: 'poll' } },
  },
  welcome: { plain: 'Somebody opened the chat for the first time', message: { type: 'request_welcome' } },
  unknown_type: {
    plain: 'A type that nobody knows yet',
    message: { type: 'hologram', hologram: { shape: 'sphere', seconds: 4 } },
  },
} as const satisfies Record<string, { plain: string; message: JsonObject & { type: string } }>

/** The message of a sample's name. */
export function readSample(name: unknown): JsonObject & { type: string } {
  if (typeof name === 'string' && Object.hasOwn(SAMPLES, name)) {
    return structuredClone(SAMPLES[name as keyof typeof SAMPLES].message) as JsonObject & { type: string }
  }
  throw new Failure('invalid', `Must be one of: ${Object.keys(SAMPLES).join(', ')}`, { path: 'sample' })
}

/** Every sample with plain words for it. */
export function listSamples(): { sample: string; plain: string; type: string }[] {
  return Object.entries(SAMPLES).map(([sample, { plain, message }]) => ({ sample, plain, type: message.type }))
}
