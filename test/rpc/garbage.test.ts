import t from 'tap'
import { type Bench, bench, errorOf, listening } from './dockerd.js'
import { REQUESTS, WITH_BODY } from './golden.js'

const METHODS = Object.keys(REQUESTS)
const SEED = 20_260_823

/** mulberry32: the same sequence of [0, 1) in each run */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class Garbage {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = random(seed)
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit)
  }

  bytes(): Buffer {
    return Buffer.from(Array.from({ length: this.below(200) }, () => this.below(256)))
  }

  /** A true body with a few bytes changed: mostly JSON that is broken or odd. */
  bent(): Buffer {
    const body = Buffer.from(JSON.stringify(this.pick(WITH_BODY).body))
    for (let n = this.below(4); n >= 0; n -= 1) body[this.below(body.length)] = this.below(256)
    return body
  }

  /** A true body in which members are replaced by values of any type: JSON, but not the schema's. */
  swapped(): Buffer {
    return Buffer.from(JSON.stringify(this.#swap(this.pick(WITH_BODY).body)) ?? '')
  }

  #swap(value: unknown): unknown {
    if (this.#next() < 0.15) return this.value(3)
    if (Array.isArray(value)) return value.map((item) => this.#swap(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#swap(item)]))
  }

  value(depth: number): unknown {
    const texts = ['', '::', '10.0.0.0/8', '999.1.1.1/99', 'é\u0000', '/', '../..', '<nil>']
    const leaf = [null, true, 0, -1, 1e308, this.pick(texts)]
    const shape = depth === 0 ? 0 : this.below(3)
    if (shape === 1) return Array.from({ length: this.below(4) }, () => this.value(depth - 1))
    if (shape === 0) return this.pick<unknown>(leaf)
    const keys = ['__proto__', 'constructor', 'toString', 'NetworkID', 'Pool', 'a/b~c', '']
    const entries = Array.from({ length: this.below(4) }, () => [
      this.pick(keys),
      this.value(depth - 1),
    ])
    return Object.fromEntries(entries)
  }

  body(): Buffer {
    return this.pick([() => this.bytes(), () => this.bent(), () => this.swapped()])()
  }
}

function crashes({ lines }: Bench): unknown[] {
  return lines.filter(({ level }) => level === 'error').map(({ fields }) => fields)
}

t.test('4,000 random bodies are answered, none by a crash', async (t) => {
  const made = bench(t)
  const garbage = new Garbage(SEED)
  const statuses = new Map<number, number>()
  for (let n = 0; n < 4_000; n += 1) {
    const method = garbage.pick(METHODS)
    const text = garbage.body().toString('latin1')
    const { status, body } = await made.server.inject(method, text)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    const answered = status === 200 || (status === 500 && errorOf(body) !== undefined)
    if (!answered) t.fail(`${method} ${JSON.stringify(text)} gave ${status}`)
  }
  t.strictSame(crashes(made), [])
  t.ok((statuses.get(200) ?? 0) > 100 && (statuses.get(500) ?? 0) > 1_000, 'both kinds occur')
})

t.test('random bytes over the socket leave the server as it was', async (t) => {
  const made = await listening(t)
  const garbage = new Garbage(SEED + 1)
  for (let n = 0; n < 500; n += 1) {
    const body = garbage.body()
    const headers = { 'Content-Length': body.length }
    const { status } = await made.dockerd.send('POST', `/${garbage.pick(METHODS)}`, headers, body)
    if (status !== 200 && status !== 500) t.fail(`status ${status} for ${body.toString('hex')}`)
  }
  t.strictSame(crashes(made), [])
  for (const [method, body] of Object.entries(REQUESTS)) {
    t.equal((await made.dockerd.call(method, body)).status, 200, method)
  }
})

t.test('deep nesting and names of Object.prototype are ordinary input', async (t) => {
  const made = bench(t)
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  const answer = await made.server.inject('NetworkDriver.Join', deep)
  t.match(errorOf(answer.body), 'NetworkDriver.Join')
  const body =
    '{"NetworkID":"4f1c2b3a5d6e","Options":{"com.docker.network.generic":{"__proto__":"x"}}}'
  t.equal((await made.server.inject('NetworkDriver.CreateNetwork', body)).status, 200)
  const [{ options } = { options: {} }] = (made.recorder.calls[0]?.args ?? []) as {
    options: object
  }[]
  t.strictSame(Object.entries(options), [['__proto__', 'x']], 'an option like any other')
  t.strictSame(crashes(made), [])
})
