/**
 * One datagram to each other host, when this one has come up. A host that was off may have another
 * MAC, and its neighbours know the former one: until their entries run out, which takes half a
 * minute, whatever they send to it gets lost, be it VXLAN or what they want of an etcd on it. Who is
 * asked for his MAC notes that of the asker (RFC 826), so it is enough to make the kernel ask.
 */
import { createSocket } from 'node:dgram'
import { familyOf, type Ip } from '../../core/ip.js'
import type { Logger } from '../../core/ports.js'
import type { Host, HostId } from '../../core/types.js'

export class Greeting {
  readonly #self: HostId
  readonly #port: number
  readonly #logger: Logger
  readonly #greeted = new Set<Ip>()
  #from: Ip | undefined

  /** @param options.port of VXLAN: where an empty datagram is dropped, and firewalls let it pass */
  constructor(options: { self: HostId; port: number; logger: Logger }) {
    this.#self = options.self
    this.#port = options.port
    this.#logger = options.logger
  }

  /**
   * Greets those that were not greeted yet, from this address.
   * @param vtep of this host; undefined while it is not known
   */
  greet(vtep: Ip | undefined, hosts: readonly Host[]): void {
    if (vtep === undefined) return
    if (vtep !== this.#from) this.#greeted.clear()
    this.#from = vtep
    const others = hosts
      .filter((host) => host.id !== this.#self && familyOf(host.vtep) === familyOf(vtep))
      .map((host) => host.vtep)
      .filter((other) => other !== vtep && !this.#greeted.has(other))
    for (const other of others) this.#greeted.add(other)
    if (others.length > 0) this.#send(vtep, others)
  }

  #send(vtep: Ip, others: readonly Ip[]): void {
    const socket = createSocket(familyOf(vtep) === 6 ? 'udp6' : 'udp4')
    let left = others.length
    const end = (): void => {
      left = 0
      socket.close()
    }
    socket.on('error', (error) => {
      this.#logger.debug({ err: error.message }, 'hosts are not greeted')
      if (left > 0) end()
    })
    socket.bind({ address: vtep }, () => {
      for (const other of others) {
        socket.send(Buffer.alloc(0), this.#port, other, () => {
          left -= 1
          if (left === 0) end()
        })
      }
    })
  }
}
