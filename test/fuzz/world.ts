/** The plugin's sockets, and what has been asked of them that must be asked back at the end. */
import { type Call, poolSlot } from './calls.js'
import type { Ledger } from './ledger.js'
import { type Answer, type Sent, Unanswered, Wire } from './wire.js'

/** Of lives, who give back by themselves, and whose things nobody else may touch. */
export const VALID = 'valid'
const METHODS_THAT_MAKE = ['/NetworkDriver.CreateNetwork', '/NetworkDriver.AllocateNetwork']
/** No longer one can have been taken. */
const LONGEST_ID = 64
/** What Node and the plugin may say to a request: done, not a method, refused. */
const RPC_STATUSES = [200, 404, 500]
const ADMIN_STATUSES = [200, 400, 404, 405, 409, 413, 414, 415, 431]

export class World {
  readonly ledger: Ledger
  readonly admin: Wire
  readonly pools: string[] = []
  readonly networks = new Set<string>()
  readonly #rpc: readonly [Wire, Wire]

  constructor(
    sockets: { readonly rpc: readonly [string, string]; readonly admin: string },
    ledger: Ledger,
  ) {
    this.ledger = ledger
    this.admin = new Wire(sockets.admin)
    this.#rpc = [new Wire(sockets.rpc[0]), new Wire(sockets.rpc[1])]
  }

  /** One of the two sockets on which dockerd may call. */
  rpc(n: number): Wire {
    return this.#rpc[n % 2 === 0 ? 0 : 1]
  }

  /** The call as a request, with ids in the place of slots. */
  sentOf({ method, body }: Call): Sent {
    const text = body === undefined ? '' : JSON.stringify(body)
    const filled = text.replace(/"@(\d+)"/g, (_all, n: string) =>
      JSON.stringify(this.pools[Number(n) % this.pools.length] ?? poolSlot(0)),
    )
    return { verb: 'POST', path: `/${method}`, body: filled }
  }

  /** Sends one request and looks at the answer. @returns undefined when there was none in time */
  async ask(kind: string, sent: Sent, wire?: Wire): Promise<Answer | undefined> {
    const number = this.ledger.next()
    if (kind !== VALID) this.note(sent)
    try {
      const answer = await (wire ?? this.rpc(number)).send(sent)
      this.check(kind, number, sent, answer, wire === this.admin)
      return answer
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      this.ledger.violation(number, wordsOf(sent), `no answer: ${error.message}`)
      return undefined
    }
  }

  /** Asks what has to succeed. @returns the answer's members */
  async demand(kind: string, method: string, body?: object): Promise<Record<string, unknown>> {
    const sent = this.sentOf(body === undefined ? { method } : { method, body })
    const answer = await this.ask(kind, sent)
    if (answer?.status === 200) return JSON.parse(answer.text)
    this.ledger.violation(this.ledger.requests, wordsOf(sent), `refused: ${answer?.text}`)
    return {}
  }

  /** Remembers what a request may make, whether its answer arrives or not. */
  note({ path, body }: Sent): void {
    if (!METHODS_THAT_MAKE.includes(path)) return
    const id = memberOf(body.toString(), 'NetworkID')
    if (id !== undefined && id.length <= LONGEST_ID) this.networks.add(id)
  }

  check(kind: string, number: number, sent: Sent, answer: Answer, admin = false): void {
    this.ledger.count(kind, `${answer.status}`)
    const problem = admin ? adminProblem(sent, answer) : rpcProblem(sent, answer)
    if (problem !== undefined) this.ledger.violation(number, wordsOf(sent), problem)
    if (kind === VALID || answer.status !== 200 || sent.path !== '/IpamDriver.RequestPool') return
    const pool = memberOf(answer.text, 'PoolID')
    if (pool !== undefined && !this.pools.includes(pool)) this.pools.push(pool)
  }

  /** Ends all connections, also those that were held open half-way. */
  release(): void {
    for (const wire of [...this.#rpc, this.admin]) wire.release()
  }

  /** Gives everything back that may still be there, as dockerd would on `docker network rm`. */
  async giveBack(): Promise<void> {
    for (const NetworkID of this.networks) {
      await this.demand('settle', 'NetworkDriver.DeleteNetwork', { NetworkID })
      await this.demand('settle', 'NetworkDriver.FreeNetwork', { NetworkID })
    }
    for (const PoolID of this.pools)
      await this.demand('settle', 'IpamDriver.ReleasePool', { PoolID })
    this.networks.clear()
    this.pools.splice(0)
  }
}

export function wordsOf({ verb, path, body }: Sent): string {
  return `${verb} ${path.slice(0, 100)} ${body.toString().slice(0, 500)}`
}

function memberOf(text: string, name: string): string | undefined {
  const value = objectOf(text)?.[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function rpcProblem({ verb }: Sent, { status, text }: Answer): string | undefined {
  if (!RPC_STATUSES.includes(status)) return `status ${status}: ${text.slice(0, 200)}`
  if (verb === 'HEAD') return undefined
  const { Err, Error: error } = objectOf(text) ?? {}
  if (status === 200) return objectOf(text) === undefined ? `200 with ${text}` : undefined
  if (typeof Err !== 'string' || Err === '' || Err !== error) return `${status} with ${text}`
  return Err.includes('failed unexpectedly') ? Err : undefined
}

function adminProblem({ verb, path }: Sent, { status, text }: Answer): string | undefined {
  if (!ADMIN_STATUSES.includes(status)) return `status ${status}: ${text.slice(0, 200)}`
  if (verb === 'HEAD' || path.startsWith('/metrics')) return undefined
  return objectOf(text) === undefined ? `${status} with ${text.slice(0, 200)}` : undefined
}
