/** A container that tries to be another one, and a stranger in the underlay, on real Docker hosts. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { expectNoPing, expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, inSandbox, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { ether, ipv4, TYPE, udp } from '../net/frames.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const exec = async (host: Host, container: string, ...command: string[]): Promise<string> =>
  (await host.docker(['exec', container, ...command])).stdout

async function vniOf(host: Host, network: string): Promise<number> {
  const show = ['ip', '-j', '-d', 'link', 'show', 'vxlan0']
  const text = await inSandbox(host, await sandboxOf(host, network), show)
  return JSON.parse(text)[0].linkinfo.info_data.id
}

/** UDP datagrams that came to a port where nobody listens (RFC 4113). */
async function strayDatagrams(host: Host, container: string): Promise<number> {
  const rows = (await exec(host, container, 'cat', '/proc/net/snmp')).split('\n')
  const [names = '', values = ''] = rows.filter((row) => row.startsWith('Udp:'))
  return Number(values.split(' ')[names.split(' ').indexOf('NoPorts')])
}

/** Sends VXLAN packets from the machine, whose address in the underlay is no host's. */
async function sendAsStranger(to: string, packets: readonly Buffer[]): Promise<void> {
  const socket = createSocket('udp4')
  for (const packet of packets) {
    await new Promise((resolve) => socket.send(packet, 4789, to, resolve))
  }
  socket.close()
  await once(socket, 'close')
}

t.test('a container and a stranger cannot speak for others', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) await createNetwork(host, 'blue', ['--subnet', '10.20.0.0/16'])
  await runSleeper(one, 'victim', 'blue')
  await runSleeper(one, 'thief', 'blue', ['--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW'])
  await runSleeper(two, 'far', 'blue')
  const [victim, far] = [
    await addressOf(one, 'victim', 'blue'),
    await addressOf(two, 'far', 'blue'),
  ]
  const thief = await addressOf(one, 'thief', 'blue')
  await expectPing(one, 'thief', victim)
  await expectPing(one, 'thief', far)
  await expectPing(one, 'victim', far)

  t.test("another's address, announced", async (t) => {
    await exec(one, 'thief', 'ip', 'addr', 'add', `${far}/16`, 'dev', 'eth0')
    const announce = ['arping', '-U', '-c', '3', '-w', '5', '-I', 'eth0', '-s', far, victim]
    await one.docker(['exec', 'thief', ...announce], { check: false })
    const mac = (await exec(one, 'thief', 'cat', '/sys/class/net/eth0/address')).trim()
    const known = await exec(one, 'victim', 'cat', '/proc/net/arp')
    const row = known.split('\n').find((line) => line.startsWith(`${far} `)) ?? ''
    t.notMatch(row, new RegExp(mac), 'the victim does not take it for the other container')
    await expectPing(one, 'victim', far)
    const spoofed = ['ping', '-c', '2', '-W', '1', '-I', far, victim]
    const result = await one.docker(['exec', 'thief', ...spoofed], { check: false })
    t.match(result.stdout, /100% packet loss/)
    await exec(one, 'thief', 'ip', 'addr', 'del', `${far}/16`, 'dev', 'eth0')
    await expectPing(one, 'thief', victim)
  })

  t.test("another's MAC", async (t) => {
    const mac = (await exec(one, 'thief', 'cat', '/sys/class/net/eth0/address')).trim()
    const setMac = (value: string): Promise<string> =>
      exec(one, 'thief', 'ip', 'link', 'set', 'eth0', 'address', value)
    await setMac(mac.replace(/..$/, 'ee'))
    await expectNoPing(one, 'thief', victim)
    await expectNoPing(one, 'thief', far)
    await setMac(mac)
    await expectPing(one, 'thief', far)
    t.pass()
  })

  t.test('a network with source-check=off has none', async (t) => {
    const flags = ['--subnet', '10.30.0.0/16', '-o', 'source-check=off']
    await createNetwork(one, 'open', flags)
    await runSleeper(one, 'free', 'open', ['--cap-add', 'NET_ADMIN'])
    await runSleeper(one, 'other', 'open')
    await exec(one, 'free', 'ip', 'addr', 'add', '10.30.9.9/16', 'dev', 'eth0')
    const other = await addressOf(one, 'other', 'open')
    const ping = ['exec', 'free', 'ping', '-c', '1', '-W', '5', '-I', '10.30.9.9', other]
    t.equal((await one.docker(ping, { check: false })).code, 0)
  })

  t.test('VXLAN packets of a stranger', async (t) => {
    const table = async (): Promise<string> =>
      (await one.sh(['nft', 'list', 'table', 'inet', 'tsoverlay'], { check: false })).stdout
    const rules = await eventually(table, (text) =>
      lab.hosts.every((host) => text.includes(host.address)),
    )
    t.match(rules, /chain input/)
    const mac = (await exec(one, 'victim', 'cat', '/sys/class/net/eth0/address')).trim()
    const vni = await vniOf(one, 'blue')
    const head = Buffer.from([8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0])
    const inner = ipv4(thief, victim, udp(Buffer.from('stranger')))
    const packet = Buffer.concat([head, ether('02:42:0a:14:99:99', mac, TYPE.IPV4, inner)])
    const before = await strayDatagrams(one, 'victim')
    await sendAsStranger(
      one.address,
      Array.from({ length: 5 }, () => packet),
    )
    const dropped = await eventually(table, (text) => /counter packets 5 bytes/.test(text))
    t.match(dropped, /counter packets 5 bytes/)
    t.equal(await strayDatagrams(one, 'victim'), before)
    await one.sh(['nft', 'delete', 'table', 'inet', 'tsoverlay'])
    const repaired = await eventually(table, (text) => text.includes(two.address))
    t.match(repaired, /chain input/, 'repaired')
    await expectPing(two, 'far', victim)
  })

  t.test('stays when the plugin is away, and packets go on', async (t) => {
    const rules = async (): Promise<string> =>
      (await one.sh(['nft', 'list', 'ruleset'])).stdout.replace(/packets \d+ bytes \d+/g, '')
    const before = await rules()
    await one.docker(['plugin', 'disable', '-f', 'local/tsoverlay'], { timeoutMs: 60_000 })
    try {
      t.equal(await rules(), before)
      await expectPing(two, 'far', victim)
      await expectNoPing(one, 'thief', '10.20.250.250')
    } finally {
      await one.docker(['plugin', 'enable', 'local/tsoverlay'], { timeoutMs: 60_000 })
    }
    await expectPing(two, 'far', victim)
  })
})
