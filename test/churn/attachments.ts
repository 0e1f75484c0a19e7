/** Which containers are attached where, as dockerds tell it. */
import type { Host } from '../lab/host.js'

export interface Attachment {
  readonly host: Host
  readonly network: string
  /** of the container */
  readonly name: string
  readonly endpoint: string
  readonly ip: string
  readonly mac: string
}

interface Inspected {
  readonly Name: string
  readonly State: { readonly Running: boolean }
  readonly NetworkSettings: {
    readonly Networks: Readonly<
      Record<string, { EndpointID: string; IPAddress: string; MacAddress: string }>
    >
  }
}

/** Attachments of running containers to these networks, as one dockerd tells them. */
export async function attachments(host: Host, networks: readonly string[]): Promise<Attachment[]> {
  const ids = (await host.docker(['ps', '-q'])).stdout.split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const inspected = JSON.parse((await host.docker(['inspect', ...ids])).stdout) as Inspected[]
  return inspected
    .filter((one) => one.State.Running)
    .flatMap((one) =>
      Object.entries(one.NetworkSettings.Networks)
        .filter(([network, { EndpointID }]) => networks.includes(network) && EndpointID !== '')
        .map(([network, { EndpointID, IPAddress, MacAddress }]) => ({
          host,
          network,
          name: one.Name.replace(/^\//, ''),
          endpoint: EndpointID,
          ip: IPAddress,
          mac: MacAddress,
        })),
    )
}
