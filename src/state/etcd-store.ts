/**
 * The Store port over npm etcd3; nothing else imports it.
 *
 * Used of etcd3: its KV, Lease, Watch and Auth clients, one Etcd3 object per endpoint. Not used: its
 * retries (etcd-calls.ts says why), Watcher (etcd-watch.ts), Lease (etcd-lease.ts),
 * and its login, which opens a channel of its own for every token and never closes it.
 *
 * `txn` and lost answers: when etcd may have applied a transaction but its answer did not come,
 * `txn` throws STORE_UNAVAILABLE ("whether it was done is not known") and never repeats it. A
 * caller that repeats a guarded claim must therefore first read whether the claim is its own.
 */
import { Etcd3 } from 'etcd3'
import type { StoreConfig } from '../core/config.js'
import { linked } from '../core/deadline.js'
import type {
  Delta,
  Entry,
  Guard,
  Lease,
  Logger,
  Page,
  Snapshot,
  Store,
  StoreHealth,
  TxnResult,
  Write,
} from '../core/ports.js'
import { type Attempt, CALL_DEADLINE, Calls, countdown, ONCE } from './etcd-calls.js'
import { checkTxn, describeWrites, Namespace } from './etcd-codec.js'
import { failureOf, isLeaseGone } from './etcd-errors.js'
import { Leases } from './etcd-lease.js'
import { entriesOf, pagesOf, type RangePage } from './etcd-range.js'
import { CHANNEL_OPTIONS, type Credentials, readCredentials } from './etcd-settings.js'
import { type OpenedStream, watchPrefix } from './etcd-watch.js'

type GrpcOptions = NonNullable<Parameters<Etcd3['kv']['range']>[1]>
type Interceptor = NonNullable<GrpcOptions['interceptors']>[number]

export interface EtcdStoreOptions {
  readonly config: StoreConfig
  /** URLs to connect to: those of `config`, or of the embedded etcd */
  readonly endpoints: readonly string[]
  readonly logger: Logger
}

/**
 * Makes the store without connecting; each call connects as needed and ends within 3 s.
 * @throws TsoverlayError SETTING_INVALID when a certificate, key or password file cannot be read
 */
export function createEtcdStore(options: EtcdStoreOptions): Store {
  return new EtcdStore(options, readCredentials(options.config, options.endpoints))
}

class EtcdStore implements Store {
  readonly #calls: Calls<Etcd3>
  readonly #namespace: Namespace
  readonly #logger: Logger
  readonly #leases: Leases
  #generation = 0

  constructor({ config, endpoints, logger }: EtcdStoreOptions, credentials: Credentials) {
    const { login } = credentials
    const setting = config.endpoints.length > 0 ? ' (setting STORE)' : ' (embedded)'
    this.#logger = logger
    this.#namespace = new Namespace(config.prefix)
    this.#leases = new Leases({
      grant: (ttlSeconds, signal) => this.#grant(ttlSeconds, signal),
      renew: (id, signal) => this.#renew(id, signal),
      revoke: (id) => this.#revoke(id),
    })
    this.#calls = new Calls<Etcd3>({
      endpoints,
      store: `etcd at ${endpoints.join(', ')}${setting}`,
      open: (endpoint) => this.#open(endpoint, credentials),
      close: (client) => client.close(),
      login:
        login &&
        (async (client, attempt) => (await client.auth.authenticate(login, grpc(attempt))).token),
    })
  }

  async get(key: string, signal?: AbortSignal): Promise<Entry | undefined> {
    const request = { key: this.#namespace.key(key) }
    const response = await this.#calls.call({
      action: `get ${key}`,
      repeatable: true,
      signal,
      run: (client, attempt) => client.kv.range(request, grpc(attempt)),
    })
    const kv = response.kvs[0]
    return kv && this.#namespace.entry(kv)
  }

  list(prefix: string, signal?: AbortSignal): Promise<Snapshot> {
    return this.#list(prefix, countdown(), signal)
  }

  async #list(prefix: string, time: () => number, signal?: AbortSignal): Promise<Snapshot> {
    const entries: Entry[] = []
    let revision = 0
    const pages = entriesOf(this.#pages(prefix, {}, time, signal), this.#namespace)
    for await (const page of pages) {
      for (const entry of page.entries) entries.push(entry)
      revision = page.revision
    }
    return { kind: 'snapshot', entries, revision }
  }

  async keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    const found: string[] = []
    for await (const { kvs } of this.#pages(prefix, { keys_only: true }, countdown(), signal)) {
      for (const kv of kvs) found.push(this.#namespace.relative(kv.key))
    }
    return found
  }

  async txn(
    guards: readonly Guard[],
    writes: readonly Write[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    checkTxn(guards, writes)
    const request = {
      compare: guards.map((guard) => this.#namespace.compare(guard)),
      success: writes.map((write) => this.#namespace.operation(write)),
    }
    const run = async (client: Etcd3, attempt: Attempt) => {
      try {
        return await client.kv.txn(request, grpc(attempt))
      } catch (error) {
        if (isLeaseGone(failureOf(error))) this.#leases.loseThoseOf(writes)
        throw error
      }
    }
    const action = `write ${describeWrites(writes)}`
    const answer = await this.#calls.call({ action, repeatable: false, signal, run })
    return { done: answer.succeeded, revision: Number(answer.header.revision) }
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<Page | Snapshot | Delta> {
    const stop = linked(signal, this.#calls.closed)
    const source = {
      namespace: this.#namespace,
      logger: this.#logger,
      // however large, nobody waits for it with a container in hand: each page has its own time
      pages: (from: string, ended: AbortSignal) =>
        entriesOf(
          this.#pages(from, {}, () => CALL_DEADLINE, ended),
          this.#namespace,
        ),
      open: (ended: AbortSignal) => this.#openStream(ended),
    }
    try {
      yield* watchPrefix(source, prefix, stop.signal)
    } finally {
      stop.unlink()
    }
  }

  lease(ttlSeconds: number, signal?: AbortSignal): Promise<Lease> {
    return this.#leases.grant(ttlSeconds, signal)
  }

  async health(signal?: AbortSignal): Promise<StoreHealth> {
    const run = async (client: Etcd3, attempt: Attempt): Promise<StoreHealth> => {
      const status = await client.maintenance.status(grpc(attempt))
      const { alarms } = await client.maintenance.alarm({ action: 'Get' }, grpc(attempt))
      const names = alarms.map(({ alarm }) => String(alarm).toUpperCase())
      return { size: Number(status.dbSize), alarms: [...new Set(names)] }
    }
    return this.#calls.call({ action: 'look at its health', repeatable: true, signal, run })
  }

  /** Ends all watches and calls; leases are not revoked, they run out. */
  async close(): Promise<void> {
    this.#leases.close()
    this.#calls.close()
  }

  #open(endpoint: string, { tls }: Credentials): Etcd3 {
    this.#generation += 1
    return new Etcd3({
      hosts: endpoint,
      ...(tls === undefined ? {} : { credentials: tls }),
      grpcOptions: {
        ...CHANNEL_OPTIONS,
        // grpc-js shares connections between channels of equal options. KV, Lease and Watch of one
        // client shall share; a client that replaces a hanging one must not inherit its connection.
        'grpc.primary_user_agent': `tsoverlay/${this.#generation}`,
      },
      faultHandling: { host: () => ONCE, global: ONCE },
    })
  }

  /** @param time milliseconds for the next page */
  #pages(
    prefix: string,
    options: { readonly keys_only?: boolean },
    time: () => number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RangePage> {
    const range = { ...this.#namespace.range(prefix), ...options }
    return pagesOf(range, (request) =>
      this.#calls.call({
        action: `list ${prefix}`,
        repeatable: true,
        signal,
        deadline: time(),
        run: (client, attempt) => client.kv.range(request, grpc(attempt)),
      }),
    )
  }

  /** A stream has no deadline, but opening one needs the login, which has. */
  #openStream(signal: AbortSignal): Promise<OpenedStream> {
    return this.#calls.call({
      action: 'watch',
      repeatable: true,
      signal,
      run: async (client, attempt) => {
        const stream = await client.watchClient.watch(streaming(attempt))
        return { stream, failed: () => this.#calls.failed(client, false) }
      },
    })
  }

  async #grant(ttlSeconds: number, signal: AbortSignal | undefined) {
    const answer = await this.#calls.call({
      action: `grant a lease of ${ttlSeconds} s`,
      // a lease granted twice costs nothing: the one that nobody knows of runs out
      repeatable: true,
      signal,
      run: (client, attempt) => client.leaseClient.leaseGrant({ TTL: ttlSeconds }, grpc(attempt)),
    })
    return { id: answer.ID, ttl: Number(answer.TTL) }
  }

  #renew(id: string, signal: AbortSignal): Promise<number> {
    return this.#calls.call({
      action: 'renew a lease',
      repeatable: true,
      signal,
      run: async (client, attempt) => {
        const stream = await client.leaseClient.leaseKeepAlive(grpc(attempt))
        const answer = new Promise<number>((resolve, reject) => {
          stream.on('data', (response) => resolve(Number(response.TTL)))
          stream.on('error', reject)
          stream.on('end', () => reject(new Error('14 UNAVAILABLE: connection lost')))
        })
        stream.write({ ID: id })
        return await answer.finally(() => stream.end())
      },
    })
  }

  async #revoke(id: string): Promise<void> {
    const run = async (client: Etcd3, attempt: Attempt) => {
      await client.leaseClient.leaseRevoke({ ID: id }, grpc(attempt)).catch((error: unknown) => {
        if (!isLeaseGone(failureOf(error))) throw error
      })
    }
    await this.#calls.call({ action: 'revoke a lease', repeatable: true, run })
  }
}

/** Options of a request that ends with its attempt. */
function grpc(attempt: Attempt): GrpcOptions {
  return {
    // gRPC takes a time of day, and makes a duration of it at once
    deadline: Date.now() + attempt.deadline - performance.now(),
    interceptors: [interceptor(attempt.token, {}, (cancel) => attempt.onCancel(cancel))],
  }
}

/** For a stream, which outlives its attempt; etcd ends it when the member has lost its leader. */
function streaming(attempt: Attempt): GrpcOptions {
  return { interceptors: [interceptor(attempt.token, { hasleader: 'true' }, () => {})] }
}

/** Adds headers to a request, and hands out the way to cancel it, which etcd3's promises lack. */
function interceptor(
  token: string | undefined,
  headers: Readonly<Record<string, string>>,
  onCancel: (cancel: () => void) => void,
): Interceptor {
  let used = false
  return (options, next) => {
    // etcd3 repeats a request at once, and for ever, when etcd does not accept its token
    if (used) throw new Error('16 UNAUTHENTICATED: etcdserver: invalid auth token')
    used = true
    const call = next(options)
    const start = call.start.bind(call)
    call.start = (metadata, listener) => {
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
      if (token !== undefined) metadata.set('token', token)
      start(metadata, listener)
    }
    onCancel(() => call.cancelWithStatus(1, 'given up'))
    // the class that the type asks for only adds hooks to this interface
    return call as ReturnType<Interceptor>
  }
}
