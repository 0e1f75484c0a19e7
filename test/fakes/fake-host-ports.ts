/** The ports of a host, and programs that listen on them, as a test has them. */
import type { HostPorts } from '../../src/control/endpoints/host-ports.js'
import type { Ip } from '../../src/core/ip.js'
import type { PortProtocol } from '../../src/core/published-port.js'

export class FakeHostPorts implements HostPorts {
  /** as `tcp 0.0.0.0 8080` */
  readonly heard = new Set<string>()
  /** each look, likewise */
  readonly asked: string[] = []
  /** while set, whoever asks waits for it */
  hang: Promise<void> | undefined
  #next = 32_768

  async problem(protocol: PortProtocol, ip: Ip, port: number): Promise<string | undefined> {
    const text = `${protocol} ${ip} ${port}`
    this.asked.push(text)
    await this.hang
    return this.heard.has(text) ? 'a program of this host listens on it' : undefined
  }

  async choose(): Promise<number> {
    this.#next += 1
    return this.#next - 1
  }
}
