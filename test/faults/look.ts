/** Whether anything is there that should not be, or is missing: dockerds, kernels, store, addresses. */
import { SWARM } from '../../src/state/keys.js'
import { compareAll } from '../churn/agreement.js'
import { attachments } from '../churn/attachments.js'
import { kernelTraces, storeKeys } from '../e2e/traces.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { askAdmin } from '../lab/plugin-call.js'
import { sandboxOf } from '../lab/tsoverlay.js'
import type { Backend } from './networks.js'

interface AdminStatus {
  readonly store: { readonly reached: boolean; readonly owed: number }
  readonly networks: readonly { readonly held: readonly string[]; readonly synced: boolean }[]
  readonly sync?: { readonly problems: readonly unknown[] }
}

/** The plugin's own words about itself. */
export async function statusOf(host: Host): Promise<AdminStatus> {
  const { body } = await askAdmin(host, '/status')
  return body as unknown as AdminStatus
}

/** @returns every disagreement in words; a look that fails is one, too */
export async function lookAround(
  lab: Lab,
  networks: readonly Backend[],
  vtepOf: (host: Host) => string,
): Promise<readonly string[]> {
  try {
    const on = lab.hosts.filter((host) => host.isOn())
    const parts = await Promise.all([
      compareAll(lab, networks, vtepOf).then(({ found }) => found),
      addressesOf(lab, on, networks),
      ...on.map((host) => tracesOf(host, networks)),
      ...on.map((host) => plugin(host, networks)),
      storeKeys(lab, 'asks/'),
      membership(lab, on, networks),
    ])
    return parts.flat()
  } catch (error) {
    return [`cannot look: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Every host that is on has the networks and their subnets in the store, or another might remove them. */
async function membership(
  lab: Lab,
  on: readonly Host[],
  networks: readonly Backend[],
): Promise<readonly string[]> {
  const ids = await Promise.all(
    on.map(async (host) => (await host.sh(['cat', '/run/tsoverlay/host-id'])).stdout.trim()),
  )
  const keys = await storeKeys(lab)
  const count = (part: string, who: string): number =>
    keys.filter((key) => key.startsWith(`/tsoverlay/${part}/`) && key.endsWith(`/${who}`)).length
  // A swarm's subnets are held by all of it.
  const parts = count('holders', SWARM) > 0 ? ['attached'] : ['attached', 'holders']
  return parts.flatMap((part) =>
    ids
      .filter((id) => count(part, id) !== networks.length)
      .map((id) => `store: ${part}: host ${id} is in ${count(part, id)} of ${networks.length}`),
  )
}

/** Addresses held or lent against those that containers have. */
async function addressesOf(
  lab: Lab,
  on: readonly Host[],
  networks: readonly Backend[],
): Promise<readonly string[]> {
  const used = (await Promise.all(on.map((host) => attachments(host, networks)))).flat()
  const held = (await Promise.all(on.map(statusOf))).flatMap((status) =>
    status.networks.flatMap((one) => one.held),
  )
  const lent = (await storeKeys(lab, 'addresses/'))
    .map((key) => key.slice(key.lastIndexOf('/') + 1))
    .filter((ip) => !ip.endsWith('.0.1')) // the gateway's
  const has = [...held, ...lent].sort()
  const wants = used.map(({ ip }) => ip).sort()
  return has.join() === wants.join()
    ? []
    : [`addresses handed out: ${has.join(' ')}; containers have ${wants.join(' ')}`]
}

/** Of what there may be of ours: the rest is routed networks', which `compareAll` has compared. */
const ELSEWHERE = /^1-|: (tso|vxlan|vx-|br\d)/

/** Sandboxes of other networks, and links of ours outside of any sandbox. */
async function tracesOf(host: Host, networks: readonly Backend[]): Promise<readonly string[]> {
  const [traces, others, ...sandboxes] = await Promise.all([
    kernelTraces(host),
    dockersOwn(host),
    ...networks.map((network) => sandboxOf(host, network)),
  ])
  return traces
    .filter((one) => ELSEWHERE.test(one) && !sandboxes.includes(one) && !others.includes(one))
    .map((one) => `${host.name}: ${one} is left`)
}

/** Sandboxes of Docker's own overlay, such as a swarm's ingress network. */
async function dockersOwn(host: Host): Promise<readonly string[]> {
  const list = ['network', 'ls', '--no-trunc', '-q', '--filter', 'driver=overlay']
  const ids = (await host.docker(list)).stdout.split('\n').filter(Boolean)
  return ids.map((id) => `1-${id.slice(0, 10)}`)
}

async function plugin(host: Host, networks: readonly Backend[]): Promise<readonly string[]> {
  const { store, networks: known, sync } = await statusOf(host)
  return [
    ...(store.reached ? [] : [`${host.name}: the store is not reached`]),
    ...(store.owed === 0 ? [] : [`${host.name}: owes the store ${store.owed} chores`]),
    ...(known.length === networks.length
      ? []
      : [`${host.name}: the plugin knows ${known.length} networks`]),
    ...(sync?.problems ?? []).map((one) => `${host.name}: ${JSON.stringify(one)}`),
  ]
}
