/** Does what actions.ts has drawn. */
import type { Action, Bend } from './actions.js'
import type { Lives } from './lives.js'
import { bytesOf, type Sent, Unanswered } from './wire.js'
import { type World, wordsOf } from './world.js'

/** Bytes of a body that the plugin reads (src/rpc/app.ts). */
const BODY_LIMIT = 1024 * 1024

export async function perform(world: World, lives: Lives, action: Action): Promise<void> {
  switch (action.kind) {
    case 'call': {
      const sent = world.sentOf(action.call)
      const kind = action.times > 1 ? 'duplicate' : 'call'
      await Promise.all(Array.from({ length: action.times }, () => world.ask(kind, sent)))
      return
    }
    case 'life':
      return lives.life(action.steps)
    case 'network':
      return lives.network(action.slot, action.lives)
    case 'bent':
      await world.ask('bent', bent(world.sentOf(action.call), action.how))
      return
    case 'text':
      await world.ask('text', { verb: 'POST', path: `/${action.method}`, body: action.text })
      return
    case 'huge':
      return huge(world, action.method, action.bytes)
    case 'stray':
      await world.ask('stray', { verb: action.verb, path: action.path, body: '' })
      return
    case 'admin':
      await world.ask('admin', { verb: action.verb, path: action.path, body: '' }, world.admin)
      return
    case 'pipelined':
      return pipelined(
        world,
        action.calls.map((call) => world.sentOf(call)),
      )
    case 'chunked':
      return chunked(world, world.sentOf(action.call), action.size)
    case 'cut':
      return cut(world, world.sentOf(action.call), action.part, action.later)
    case 'bytes':
      return bytes(world, Buffer.from(action.bytes))
  }
}

function bent(sent: Sent, how: Bend): Sent {
  if ('at' in how) {
    const body = Buffer.from(sent.body)
    for (const at of how.at) if (body.length > 0) body[at % body.length] = how.byte
    return { ...sent, body }
  }
  const entries = Object.entries(JSON.parse(sent.body.toString() || '{}'))
  const at = how.member % Math.max(1, entries.length)
  const changed = entries.map(([name, value], n) => [name, n === at ? how.value : value])
  return { ...sent, body: JSON.stringify(Object.fromEntries(changed)) ?? '' }
}

/** JSON of just so many bytes; beyond the limit the plugin may close before it has read all. */
function huge(world: World, method: string, bytes: number): Promise<void> {
  const around = JSON.stringify({ NetworkID: '' }).length
  const body = JSON.stringify({ NetworkID: 'n'.repeat(bytes - around) })
  return raw(world, 'huge', [{ verb: 'POST', path: `/${method}`, body }])
}

function pipelined(world: World, list: readonly Sent[]): Promise<void> {
  return raw(world, 'pipelined', list)
}

async function raw(world: World, kind: string, list: readonly Sent[]): Promise<void> {
  const numbers = list.map((sent) => {
    world.note(sent)
    return world.ledger.next()
  })
  const [first = 0] = numbers
  const [sent] = list
  if (sent === undefined) return
  const whole = Buffer.concat(list.map((one) => bytesOf(one)))
  try {
    const answers = await world.rpc(first).raw([whole], list.length)
    for (const [n, one] of list.entries()) {
      const answer = answers[n]
      const number = numbers[n] ?? first
      if (answer !== undefined) world.check(kind, number, one, answer)
      // The kernel throws an answer away with a connection that is closed before all was read.
      else if (Buffer.byteLength(one.body) > BODY_LIMIT) world.ledger.count(kind, 'cut')
      else world.ledger.violation(number, wordsOf(one), 'closed, no answer')
    }
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    world.ledger.violation(first, wordsOf(sent), `${list.length} ${kind}: ${error.message}`)
  }
}

async function chunked(world: World, sent: Sent, size: number): Promise<void> {
  const number = world.ledger.next()
  world.note(sent)
  const body = Buffer.from(sent.body)
  const parts = [bytesOf({ ...sent, body: '' }, 'Transfer-Encoding: chunked')]
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part]))
    parts.push(Buffer.from('\r\n'))
  }
  parts.push(Buffer.from('0\r\n\r\n'))
  try {
    const [answer] = await world.rpc(number).raw(parts, 1)
    if (answer === undefined) world.ledger.violation(number, wordsOf(sent), 'closed, no answer')
    else world.check('chunked', number, sent, answer)
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    world.ledger.violation(number, wordsOf(sent), `chunked: ${error.message}`)
  }
}

async function cut(world: World, sent: Sent, part: number, later: boolean): Promise<void> {
  const number = world.ledger.next()
  world.note(sent)
  const whole = bytesOf(sent)
  // Nobody could give back a pool whose id was never received.
  const most = sent.path.endsWith('.RequestPool') ? whole.length - 1 : whole.length
  const bytes = whole.subarray(0, Math.floor(most * part))
  await world.rpc(number).cut([bytes], later)
  world.ledger.count('cut', 'cut')
}

/** No HTTP at all: answered with 400, or the connection is closed; or more is waited for. */
async function bytes(world: World, garbage: Buffer): Promise<void> {
  const number = world.ledger.next()
  await world.rpc(number).cut([garbage], number % 10 === 0)
  world.ledger.count('bytes', 'cut')
}
