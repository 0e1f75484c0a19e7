/** Readings along a packet's way, as a test has put them there; what is not put there is well. */
import type {
  ListenFact,
  PathFacts,
  RulesFact,
  Surroundings,
  TriedPacket,
} from '../../src/core/path-facts.js'

export class FakePath implements PathFacts {
  /** by place, and by name of a container's namespace */
  readonly places = new Map<string, Surroundings>()
  readonly sockets = new Map<string, readonly ListenFact[]>()
  /** by hook */
  readonly rules = new Map<TriedPacket['hook'], RulesFact>()
  isForwarding = true

  async surroundings(where: string): Promise<Surroundings | undefined> {
    return this.places.get(where)
  }

  async listeners(name: string): Promise<readonly ListenFact[] | undefined> {
    return this.sockets.get(name)
  }

  async tried(packets: readonly TriedPacket[]): Promise<readonly RulesFact[]> {
    return packets.map(({ hook }) => this.rules.get(hook) ?? { fate: 'passes' })
  }

  forwards(): boolean {
    return this.isForwarding
  }
}
