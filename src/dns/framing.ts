/** Messages in a TCP stream, each after its length (RFC 1035 4.2.2). */
const LENGTH = 2

/** @param message of 65,535 bytes at most */
export function framed(message: Buffer): Buffer {
  const out = Buffer.allocUnsafe(LENGTH + message.length)
  out.writeUInt16BE(message.length, 0)
  message.copy(out, LENGTH)
  return out
}

/** Takes a stream apart. Costs no more when the bytes come one by one. */
export class Framing {
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0
  readonly #length = Buffer.alloc(LENGTH)
  #into: Buffer = this.#length
  #filled = 0

  /** What `next` has not taken yet stays before it. */
  feed(chunk: Buffer): void {
    const rest = this.#chunk.subarray(this.#at)
    this.#chunk = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    this.#at = 0
  }

  /** The next whole message; an empty one too. @returns undefined: more bytes are needed */
  next(): Buffer | undefined {
    while (this.#fill()) {
      const whole = this.#into
      this.#filled = 0
      this.#into = whole === this.#length ? Buffer.alloc(whole.readUInt16BE(0)) : this.#length
      if (whole !== this.#length) return whole
    }
    return undefined
  }

  #fill(): boolean {
    const taken = this.#chunk.copy(this.#into, this.#filled, this.#at)
    this.#filled += taken
    this.#at += taken
    return this.#filled === this.#into.length
  }
}
