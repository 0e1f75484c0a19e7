/** Readings along a packet's way, as a test has put them there; what is not put there is well. */
import type {
  AdmissionFact,
  ListenFact,
  PathFacts,
  RulesFact,
  SpeakerFact,
  Surroundings,
  TriedPacket,
} from '../../src/core/path-facts.js'

export class FakePath implements PathFacts {
  /** by place, and by name of a container's namespace */
  readonly places = new Map<string, Surroundings>()
  readonly sockets = new Map<string, readonly ListenFact[]>()
  /** by hook */
  readonly rules = new Map<TriedPacket['hook'], RulesFact>()
  readonly ports = new Map<string, SpeakerFact>()
  admitted: AdmissionFact | undefined
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

  async admission(): Promise<AdmissionFact | undefined> {
    return this.admitted
  }

  async speakers(_where: string, port: string): Promise<SpeakerFact | undefined> {
    return this.ports.get(port)
  }

  forwards(): boolean {
    return this.isForwarding
  }
}
