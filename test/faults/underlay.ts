/** The address, the link or the MTU of a host changes under the running plugin. */
import { eventually, fdb } from '../e2e/traces.js'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { addressOf, inSandbox, sandboxOf } from '../lab/tsoverlay.js'
import { ip, moveTo, otherAddress, swallow } from '../lab/underlay.js'
import type { Scenario } from './scenario.js'
import { type Stage, witness } from './stage.js'

const OTHERS = [
  [2, 3],
  [3, 2],
] as const
const LOW_MTU = 1_400
/** Of the outer headers of VXLAN over IPv4. */
const ENCAPSULATION = 50

/** Witness to witness, both ways. */
async function reached(stage: Stage): Promise<readonly string[]> {
  const [one, two] = [stage.host(1), stage.host(2)]
  return [
    ...(await stage.unreached(one, witness(one), two, witness(two))),
    ...(await stage.unreached(two, witness(two), one, witness(one))),
  ]
}

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
  missing: reached,
}

const address: Scenario = {
  name: 'underlay-address',
  fault: "a host's underlay address changes",
  steady: OTHERS,
  until: "the others' FDB has the new VTEP, its containers are reached",
  async play(stage) {
    const host = stage.host(1)
    stage.mark()
    await moveTo(host, host.address, otherAddress(host))
    stage.moved(host, otherAddress(host))
  },
  async missing(stage) {
    const other = stage.host(2)
    const known = [...(await fdb(other, await sandboxOf(other, stage.network))).values()]
    const wanted = otherAddress(stage.host(1))
    if (!known.includes(wanted)) return [`h2 knows ${known.join(' ')}, not ${wanted}`]
    return reached(stage)
  },
  async restore(stage) {
    const host = stage.host(1)
    await moveTo(host, otherAddress(host), host.address)
    stage.moved(host, host.address)
  },
}

/** MTU of vxlan0 on a host. */
async function mtuOf(host: Host, network: string): Promise<number> {
  const sandbox = await sandboxOf(host, network)
  const text = await inSandbox(host, sandbox, ['ip', '-j', 'link', 'show', 'vxlan0'])
  return (JSON.parse(text) as { mtu: number }[])[0]?.mtu ?? 0
}

const mtu: Scenario = {
  name: 'underlay-mtu',
  fault: `the MTU of a host's underlay falls to ${LOW_MTU}`,
  steady: [
    [1, 2],
    [2, 3],
  ],
  until: `its vxlan device has ${LOW_MTU - ENCAPSULATION}, a new container on it is reached`,
  async play(stage) {
    stage.mark()
    await ip(stage.host(1), `link set eth0 mtu ${LOW_MTU}`)
  },
  async missing(stage) {
    const now = await mtuOf(stage.host(1), stage.network)
    return now === LOW_MTU - ENCAPSULATION ? reached(stage) : [`vxlan0 has MTU ${now}`]
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
  const there = await addressOf(to, witness(to), stage.network)
  const ping = ['exec', witness(from), 'ping', '-c', '2', '-W', '1', '-s', '10000', there]
  const { stdout } = await from.docker(ping, { check: false, timeoutMs: 10_000 })
  return / 0% packet loss/.test(stdout)
    ? []
    : [`${from.name}: large packets to ${to.name} get lost`]
}

export const UNDERLAY_FAULTS: readonly Scenario[] = [flap, address, mtu, path]
