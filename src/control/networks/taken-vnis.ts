/** VNIs that somebody else on this host has: swarm's overlay, another tool, what such a one left. */

import { VNIS } from '../../backends/options.js'
import { messageOf, TsoverlayError } from '../../core/errors.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { Network } from '../../core/types.js'
import { describeVxlan, type VxlanDevice } from '../../core/vxlan-device.js'
import { LAST_VNI } from '../../state/network-repository.js'

export interface TakenVnisParts {
  readonly dataplane: Pick<Dataplane, 'foreignVxlans'>
  /** UDP port of our devices */
  readonly port: number
  readonly logger: Logger
}

export class TakenVnis {
  readonly #parts: TakenVnisParts

  constructor(parts: TakenVnisParts) {
    this.#parts = parts
  }

  /** For who chooses one. None when the kernel cannot be read: the device then says what is wrong. */
  async numbers(): Promise<ReadonlySet<number>> {
    return new Set((await this.#devices()).keys())
  }

  /**
   * Checks what a user asks for.
   * @throws TsoverlayError VNI_TAKEN
   */
  async refuseWanted(vnis: readonly (number | undefined)[]): Promise<void> {
    if (vnis.every((vni) => vni === undefined)) return
    const found = await this.#first(vnis)
    if (found === undefined) return
    throw new TsoverlayError(
      'VNI_TAKEN',
      `option -o ${VNIS}=${vnis.join(',')}: ${describe(found)}: choose another number from 1 to ${LAST_VNI}, or leave the option out`,
    )
  }

  /**
   * Checks a network of the cluster that comes to this host.
   * @throws TsoverlayError VNI_TAKEN
   */
  async refuseNetwork({ identity, segments }: Network): Promise<void> {
    const found = await this.#first(segments.map(({ vni }) => vni))
    if (found === undefined) return
    throw new TsoverlayError(
      'VNI_TAKEN',
      `the network ${identity} cannot be on this host, ${describe(found)}: remove that one, or create the network anew on all hosts with another -o ${VNIS}`,
    )
  }

  async #first(vnis: readonly (number | undefined)[]): Promise<VxlanDevice | undefined> {
    const devices = await this.#devices()
    return vnis.flatMap((vni) => (vni === undefined ? [] : (devices.get(vni) ?? [])))[0]
  }

  async #devices(): Promise<ReadonlyMap<number, VxlanDevice>> {
    const { dataplane, port, logger } = this.#parts
    try {
      const all = await dataplane.foreignVxlans()
      return new Map(all.filter((one) => one.port === port).map((one) => [one.vni, one]))
    } catch (error) {
      logger.warn({ err: messageOf(error) }, 'vxlan devices of the host not read')
      return new Map()
    }
  }
}

function describe(device: VxlanDevice): string {
  return `VNI ${device.vni} on UDP port ${device.port} is taken on this host by ${describeVxlan(device)}`
}
