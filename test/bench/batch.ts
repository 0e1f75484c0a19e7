/** What iproute2 takes for entries like those that a measurement has counted. */
import type { Host } from '../lab/host.js'
import { timed } from './statistics.js'

const NAMESPACE = 'bench-batch'
const LIMIT = { timeoutMs: 120_000 }

export interface Batch {
  /** name and kind, as `ip link add` takes them */
  readonly device: string
  /** of the device, with its prefix: routes have their next hops there */
  readonly address?: string
  /** lines of `ip -batch` */
  readonly ip: readonly string[]
  /** lines of `bridge -batch` */
  readonly bridge?: readonly string[]
}

/** In a namespace and on a device of its own. @returns ms, of both programs one after the other */
export async function batchTime(host: Host, batch: Batch): Promise<number> {
  const [name = ''] = batch.device.split(' ')
  const inside = `ip -n ${NAMESPACE}`
  const address =
    batch.address === undefined ? '' : `${inside} addr add ${batch.address} dev ${name}`
  const add = `${inside} link add ${batch.device}
${address}
${inside} link set ${name} up`
  await host.sh(['ip', 'netns', 'add', NAMESPACE])
  try {
    await host.sh(['sh', '-ec', add])
    const programs = [['ip', batch.ip] as const, ['bridge', batch.bridge ?? []] as const]
    const calls: string[] = []
    for (const [program, lines] of programs) {
      if (lines.length === 0) continue
      await host.sh(['sh', '-c', `cat >/tmp/${program}`], { input: `${lines.join('\n')}\n` })
      calls.push(`${program} -n ${NAMESPACE} -batch /tmp/${program}`)
    }
    return (await timed(() => host.sh(['sh', '-ec', calls.join('; ')], LIMIT))).ms
  } finally {
    // Deletes its neighbours before it returns; a namespace ends some time later.
    await host.sh(['ip', '-n', NAMESPACE, 'link', 'del', name], { check: false })
    await host.sh(['ip', 'netns', 'del', NAMESPACE])
  }
}
