import { seededRandom } from '../../src/testing/seeded-random.ts'
import { zipf } from './bodies.ts'

/*
 * Texts for the search: words as often as people use them (the k-th as often as 1/k) in four alphabets' languages, and
 * Chinese, Japanese, Korean and Thai sentences whose nouns are the names that ICU has for countries, languages and
 * currencies.
 */

interface Language {
  share: number
  /** The commonest words, in their order; what comes after them is put together from syllables. */
  common: string
  syllables: string
}

const LANGUAGES: readonly Language[] = [
  {
    share: 0.34,
    common:
      'the to and a you is i my it for of in have on order can please not with that this we be are me was will when if your do' +
      ' hello thank delivery what how address would like number parcel today still from but all time yes no',
    syllables:
      'ba con der ing pro sta ter ment al ver per com an re dis tion ous ly ble tra port cel mor win ket lo ri fen dac',
  },
  {
    share: 0.2,
    common:
      'ich die und der ist sie das nicht zu bitte wann es mir den ein mit haben wir auf bestellung für kann eine noch meine hallo' +
      ' danke wie im paket was von heute rechnung lieferung ihre am so an guten tag adresse nummer bei oder aber',
    syllables:
      'be stel lung ver schi ck ung haus keit lich ein aus ge wer ber tag mor gen zahl ter ken rech nen lie fer wal dorf',
  },
  {
    share: 0.12,
    common:
      'de que el la no en por favor mi un una es para con los gracias hola pedido cuando se lo está quiero su al las hoy si' +
      ' me buenos días envío número del factura cómo puede ha más todavía cambiar dirección',
    syllables: 'ca mi no ra do es tra pe di lu go ma ri sa ción men te par ti vo ble cor re ven ta jo se lla an co',
  },
  {
    share: 0.12,
    common:
      'и не в на я что вы мой заказ когда это по как для можно здравствуйте пожалуйста спасибо у с мне ещё если доставка день' +
      ' адрес номер где добрый до есть будет из но так товар сегодня счёт',
    syllables:
      'за каз до ста вка пере нос ло ри ма та ко ва ни ро ве сти про ход ра бо тель ный ка ми но вар дом го лос',
  },
]

const REAL: readonly { share: number; locale: string; sentences: readonly string[] }[] = [
  {
    share: 0.13,
    locale: 'zh',
    sentences: [
      '你好，请问这个可以寄到{r}吗？大概需要几天？',
      '我上周下的订单到现在还没有收到，麻烦帮我查一下，谢谢。',
      '能用{c}付款吗？手续费是多少？',
      '客服会说{l}吗？我妈妈看不懂中文。',
      '收到了，包装很好，下次还会来买。',
      '发票抬头写错了，请重新开一张。',
      '从{r}寄过来的包裹卡在海关了，怎么办？',
      '请把收货地址改成{r}，电话不变。',
      '明天上午我不在家，可以改到下午送货吗？',
      '说明书只有{l}的，有没有其他语言的版本？',
      '退款已经三天了，{c}账户里还没有看到。',
      '这件衣服有大一号的吗？颜色要蓝色的。',
      '好的，没问题',
      '谢谢',
      '请问周末营业吗？我想带孩子去看看。',
    ],
  },
  {
    share: 0.06,
    locale: 'ja',
    sentences: [
      '{r}への発送はできますか。送料を教えてください。',
      '注文した商品がまだ届いていません。確認していただけますか。',
      '{c}での支払いは可能でしょうか。',
      '{l}の説明書を送っていただけますか。',
      'はい、お願いします。',
      'ありがとうございます。無事に届きました。',
      '住所を変更したいのですが、どうすればいいですか。',
      '来週の月曜日に{r}へ行くので、それまでに受け取りたいです。',
      '領収書の宛名を会社名にしてください。',
    ],
  },
  {
    share: 0.015,
    locale: 'ko',
    sentences: [
      '{r}까지 배송되나요? 며칠 걸리나요?',
      '주문한 상품이 아직 도착하지 않았어요. 확인 부탁드립니다.',
      '{c}로 결제할 수 있나요?',
      '네, 감사합니다.',
    ],
  },
  {
    share: 0.015,
    locale: 'th',
    sentences: ['ส่งไปที่{r}ได้ไหมคะ', 'ขอบคุณค่ะ ได้รับของแล้ว', 'จ่ายเป็น{c}ได้ไหมครับ', 'สินค้ายังไม่มาเลยค่ะ ช่วยเช็คให้หน่อยนะคะ'],
  },
]

const WORDS = 60_000
const WORDS_MEAN = 9
const WORDS_MAX = 80
/** Of all messages: such as name an order, and such as name a phone. */
const ORDER_SHARE = 0.05
const PHONE_SHARE = 0.01

export class Texts {
  readonly #random: () => number
  readonly #kinds: { upto: number; next: () => string }[] = []

  constructor(random: () => number) {
    this.#random = random
    // The same words in every run, whatever is said with them.
    const letters = seededRandom(22)
    let upto = 0
    for (const { share, common, syllables } of LANGUAGES) {
      const words = vocabulary(common.split(' '), syllables.split(' '), letters)
      const rank = zipf(words.length, random)
      upto += share
      this.#kinds.push({ upto, next: () => this.#sentence(() => words[rank()] ?? '') })
    }
    for (const { share, locale, sentences } of REAL) {
      const names = { r: namesIn(locale, 'region'), l: namesIn(locale, 'language'), c: namesIn(locale, 'currency') }
      upto += share
      this.#kinds.push({
        upto,
        next: () =>
          this.#one(sentences).replace(/\{([rlc])\}/g, (_slot, kind: 'r' | 'l' | 'c') => this.#one(names[kind])),
      })
    }
  }

  next(): string {
    const at = this.#random()
    const text = (this.#kinds.find(({ upto }) => at < upto) ?? this.#kinds[0])?.next() ?? ''
    const more = this.#random()
    if (more < ORDER_SHARE) return `${text} ${this.#orderNumber()}`
    return more < ORDER_SHARE + PHONE_SHARE ? `${text} +49 ${this.#digits(3)} ${this.#digits(7)}` : text
  }

  #sentence(word: () => string): string {
    const count = Math.min(WORDS_MAX, 1 + Math.floor(-(WORDS_MEAN - 1) * Math.log(1 - this.#random())))
    const words = Array.from({ length: count }, word)
    return `${words.join(' ')}${this.#one(['.', '!', '?', ''])}`
  }

  #orderNumber(): string {
    return this.#random() < 0.5 ? `GH${this.#digits(7)}` : `${this.#digits(2)}-${this.#digits(6)}-B`
  }

  #digits(count: number): string {
    return Array.from({ length: count }, () => Math.floor(this.#random() * 10)).join('')
  }

  #one(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)] ?? ''
  }
}

function vocabulary(common: readonly string[], syllables: readonly string[], random: () => number): string[] {
  const words = new Set(common)
  while (words.size < WORDS) {
    const count = 2 + Math.floor(random() * 4)
    words.add(Array.from({ length: count }, () => syllables[Math.floor(random() * syllables.length)] ?? '').join(''))
  }
  return [...words]
}

/** What ICU calls things in a language; codes without a name are left out. */
function namesIn(locale: string, type: 'region' | 'language' | 'currency'): string[] {
  const names = new Intl.DisplayNames([locale], { type, fallback: 'none' })
  const codes = type === 'currency' ? Intl.supportedValuesOf('currency') : pairs(type === 'region')
  return codes.map((code) => names.of(code)).filter((name) => name !== undefined)
}

function pairs(isUpper: boolean): string[] {
  const letters = [...'abcdefghijklmnopqrstuvwxyz']
  const all = letters.flatMap((one) => letters.map((other) => one + other))
  return isUpper ? all.map((pair) => pair.toUpperCase()) : all
}
