/**
 * Our keys, guards and writes in the words of etcd's KV service (etcd's `rpc.proto`, `kv.proto`).
 * Pure, and without an import of the client library: its message types match these by shape.
 */
import type { Entry, Guard, Write } from '../core/ports.js'

/** etcd refuses more compares or more operations in one transaction (its `--max-txn-ops`). */
const MAX_TXN_OPS = 128

export interface WireKeyValue {
  readonly key: Buffer
  readonly value: Buffer
  readonly mod_revision: string
}

interface WireCompare {
  readonly key: Buffer
  readonly result: number
  readonly target: number
  readonly create_revision?: number
  readonly mod_revision?: number
}

interface WireOp {
  request_put?: { key: Buffer; value: Buffer; lease?: string }
  request_delete_range?: { key: Buffer; range_end?: Buffer }
}

/** `Compare.CompareResult` and `Compare.CompareTarget` of rpc.proto. */
const EQUAL = 0
const GREATER = 1
const CREATE_REVISION = 1
const MOD_REVISION = 2

/** Everything under STORE_PREFIX: adds and takes off the prefix. */
export class Namespace {
  readonly #prefix: string
  readonly #bytes: number

  /** @param prefix without a slash at its end; keys bring their own at their start */
  constructor(prefix: string) {
    this.#prefix = prefix
    this.#bytes = Buffer.byteLength(prefix)
  }

  key(key: string): Buffer {
    checkKey(key)
    return Buffer.from(this.#prefix + key)
  }

  /** The half-open range of all keys that start with `prefix`. */
  range(prefix: string): { key: Buffer; range_end: Buffer } {
    const key = this.key(prefix)
    return { key, range_end: rangeEnd(key) }
  }

  relative(key: Buffer): string {
    // cut as bytes: a part of a text would keep the whole of it in memory
    return key.toString('utf8', this.#bytes)
  }

  entry(kv: WireKeyValue): Entry {
    return {
      key: this.relative(kv.key),
      value: kv.value.toString(),
      revision: Number(kv.mod_revision),
    }
  }

  compare(guard: Guard): WireCompare {
    const key = this.key(guard.key)
    switch (guard.is) {
      case 'absent':
        return { key, target: CREATE_REVISION, result: EQUAL, create_revision: 0 }
      case 'present':
        return { key, target: CREATE_REVISION, result: GREATER, create_revision: 0 }
      case 'unchanged':
        return { key, target: MOD_REVISION, result: EQUAL, mod_revision: guard.revision }
    }
  }

  operation(write: Write): WireOp {
    if ('put' in write) {
      const put = { key: this.key(write.put), value: Buffer.from(write.value) }
      return {
        request_put: write.lease === undefined ? put : { ...put, lease: write.lease.id },
      }
    }
    if ('delete' in write) return { request_delete_range: { key: this.key(write.delete) } }
    return { request_delete_range: this.range(write.deletePrefix) }
  }
}

/** The first key after all that start with `prefix` (etcd's documented range_end rule). */
function rangeEnd(prefix: Buffer): Buffer {
  const last = prefix.findLastIndex((byte) => byte < 0xff)
  const end = Buffer.from(prefix.subarray(0, last + 1))
  end.writeUInt8(end.readUInt8(last) + 1, last)
  return end
}

function checkKey(key: string): void {
  if (!key.startsWith('/')) throw new TypeError(`store key "${key}" does not start with "/"`)
}

/** The key or prefix that a write names. */
function targetOf(write: Write): string {
  if ('put' in write) return write.put
  return 'delete' in write ? write.delete : write.deletePrefix
}

/** For error texts: the first key, and how many more. */
export function describeWrites(writes: readonly Write[]): string {
  const [first] = writes
  if (first === undefined) return 'nothing'
  return targetOf(first) + (writes.length === 1 ? '' : ` and ${writes.length - 1} more`)
}

/**
 * Refuses a transaction that etcd would refuse, with the same rules for the real and the fake
 * store: too many operations, or one key written twice (`checkIntervals` in etcd's v3rpc/key.go).
 * @throws TypeError: the caller has a fault, no retry can help
 */
export function checkTxn(guards: readonly Guard[], writes: readonly Write[]): void {
  const most = Math.max(guards.length, writes.length)
  if (most > MAX_TXN_OPS) {
    throw new TypeError(`a transaction of ${most} operations is over etcd's limit, ${MAX_TXN_OPS}`)
  }
  for (const guard of guards) checkKey(guard.key)
  for (const write of writes) checkKey(targetOf(write))
  const puts = new Set<string>()
  for (const write of writes) {
    if (!('put' in write)) continue
    if (puts.has(write.put)) throw new TypeError(`a transaction puts key "${write.put}" twice`)
    puts.add(write.put)
  }
  const clash = [...puts].find((key) => writes.some((write) => deletes(write, key)))
  if (clash !== undefined) {
    throw new TypeError(`a transaction both puts and deletes key "${clash}"`)
  }
}

/** True if the write is a deletion that covers the key. */
function deletes(write: Write, key: string): boolean {
  if ('put' in write) return false
  return 'delete' in write ? write.delete === key : key.startsWith(write.deletePrefix)
}
