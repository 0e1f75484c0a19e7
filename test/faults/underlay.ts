/** The address, the link or the MTU of a host changes under the running plugin. */
import { eventually } from '../e2e/traces.js'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { inSandbox, sandboxOf } from '../lab/tsoverlay.js'
import { ip, moveTo, otherAddress, swallow } from '../lab/underlay.js'
import type { Backend } from './networks.js'
import type { Scenario } from './scenario.js'
import { containerOf, eachOther, type Stage, witness } from './stage.js'

const OTHERS = [
  [2, 3],
  [3, 2],
] as const
const LOW_MTU = 1_400

/** What a network manager does: the default route goes with its link. */
async function linkUp(host: Host): Promise<void> {
  await ip(host, 'link set eth0 up', `route replace default via ${host.gateway}`)
}

const flap: Scenario = {
  name: 'underlay-flap',
  fault: "a host's link down and up, five times in 5 s",
  steady: OTHERS,
  until: 'its containers are reached',
  async play(stage) {
    const host = stage.host(1)
    for (let round = 0; round < 5; round += 1) {
      await ip(host, 'link set eth0 down')
      await sleep(500)
      stage.mark()
      await linkUp(host)
      await sleep(500)
    }
  },
  missing: eachOther,
}

const address: Scenario = {
  name: 'underlay-address',
  fault: "a host's underlay address changes",
  steady: OTHERS,
  until: "the others' FDB and routes have the new address, its containers are reached",
  async play(stage) {
    const host = stage.host(1)
    stage.mark()
    await moveTo(host, host.address, otherAddress(host))
    stage.moved(host, otherAddress(host))
  },
  missing: eachOther,
  async restore(stage) {
    const host = stage.host(1)
    await moveTo(host, otherAddress(host), host.address)
    stage.moved(host, host.address)
  },
}

/** What each backend takes of the underlay's MTU: the outer headers of VXLAN over IPv4. */
const OVERHEAD: Readonly<Record<Backend, number>> = { overlay: 50, vxlan: 50, 'host-gw': 0 }

/** MTU of the network's bridge on a host: of the device that leads to its witness. */
async function mtuOf(stage: Stage, host: Host, network: Backend): Promise<number> {
  const address = await stage.addressOf(host, witness(host), network)
  const route = ['ip', '-j', 'route', 'get', address]
  const inside = network === 'overlay'
  const read = async (argv: readonly string[]): Promise<string> =>
    inside ? inSandbox(host, await sandboxOf(host, network), argv) : (await host.sh(argv)).stdout
  const [{ dev = '' } = {}] = JSON.parse(await read(route)) as { dev?: string }[]
  const show = ['ip', '-j', 'link', 'show', 'dev', dev]
  const [link] = JSON.parse(await read(show)) as { mtu: number }[]
  return link?.mtu ?? 0
}

const mtu: Scenario = {
  name: 'underlay-mtu',
  fault: `the MTU of a host's underlay falls to ${LOW_MTU}`,
  steady: [
    [1, 2],
    [2, 3],
  ],
  until: `the networks' bridges on it have ${LOW_MTU} less what the backend takes, it is reached`,
  async play(stage) {
    stage.mark()
    await ip(stage.host(1), `link set eth0 mtu ${LOW_MTU}`)
  },
  async missing(stage) {
    const wrong = await stage.each(async (network) => {
      const now = await mtuOf(stage, stage.host(1), network)
      return now === LOW_MTU - OVERHEAD[network] ? [] : [`bridge of ${network} has MTU ${now}`]
    })
    return [...wrong.flat(), ...(await eachOther(stage))]
  },
  async restore(stage) {
    await ip(stage.host(1), 'link set eth0 mtu 1500')
  },
}

const NARROW = 1_400

const path: Scenario = {
  name: 'underlay-path-mtu',
  fault: `the path between two hosts loses packets of more than ${NARROW} bytes without a word`,
  steady: [
    [1, 2],
    [2, 1],
    [1, 3],
  ],
  until: 'packets of 10,000 bytes arrive both ways',
  limitMs: 120_000,
  async play(stage) {
    stage.mark()
    await swallow(stage.host(1), stage.host(2), NARROW)
  },
  async missing(stage) {
    const [one, two] = [stage.host(1), stage.host(2)]
    return [...(await lostLarge(stage, one, two)), ...(await lostLarge(stage, two, one))]
  },
  async restore(stage) {
    await swallow(stage.host(1), stage.host(2), undefined)
    for (const host of [stage.host(1), stage.host(2)]) {
      const routes = async (): Promise<string> =>
        (await host.sh(['ip', 'route', 'show', 'proto', '158'])).stdout
      await eventually(routes, (text) => text === '', 120_000)
    }
  },
}

async function lostLarge(stage: Stage, from: Host, to: Host): Promise<readonly string[]> {
  const lost = await stage.each(async (network) => {
    const there = await stage.addressOf(to, witness(to), network)
    const ping = ['ping', '-c', '2', '-W', '1', '-s', '10000', there]
    const exec = ['exec', containerOf(witness(from), network), ...ping]
    const { stdout } = await from.docker(exec, { check: false, timeoutMs: 10_000 })
    const arrived = / 0% packet loss/.test(stdout)
    return arrived ? [] : [`${network}: large packets of ${from.name} to ${to.name} get lost`]
  })
  return lost.flat()
}

export const UNDERLAY_FAULTS: readonly Scenario[] = [flap, address, mtu, path]
