/**
 * Routed networks and what is outside of them: the network as the container's only way, ports that the
 * plugin publishes, machines with a route, and what `expose=off` keeps out.
 */
import t from 'tap'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import type { Machine } from '../lab/machine.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer } from './clusterwide.js'
import { segmentedLab } from './shared-lab.js'

const ipam = (pool: string): string[] => ['--ipam-driver', 'tsoverlay', '--subnet', pool]
const SERVE = 'mkdir -p /www && echo page >/www/index.html && httpd -h /www'

/** What a machine gets of the page at an address and port; empty if nothing comes. */
async function pageOf(machine: Machine, address: string, port = 80): Promise<string> {
  const get = `exec 3<>/dev/tcp/${address}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`
  const { stdout } = await machine.sh(['timeout', '3', 'bash', '-c', get], { check: false })
  return stdout.trim().split('\n').at(-1) ?? ''
}

async function canPing(machine: Machine, address: string): Promise<boolean> {
  return (await machine.sh(['ping', '-c', '1', '-W', '2', address], { check: false })).code === 0
}

const blockOf = (address: string): string => address.replace(/\.\d+$/, '.0/24')

/** A machine without Docker, with a route to a container's block by that container's host. */
async function routedClient(lab: Lab, host: Host, address: string): Promise<Machine> {
  const client = await lab.client(host.segment)
  await client.sh(['ip', 'route', 'replace', blockOf(address), 'via', host.address])
  return client
}

t.test('gateway=bridge: one interface, the world by masquerade, ports by the plugin', async (t) => {
  const lab = await segmentedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const flags = [...ipam('10.46.0.0/16'), '-o', 'backend=vxlan', '-o', 'gateway=bridge']
  await createOn([one, two], 'single', flags)
  await runSleeper(one, 'web', 'single', ['-p', '8080:80'])
  await runSleeper(two, 'peer', 'single')
  await inContainer(one, 'web', SERVE)
  const web = await addressOf(one, 'web', 'single')

  const links = await inContainer(one, 'web', 'ls /sys/class/net')
  t.same(links.trim().split(/\s+/).sort(), ['eth0', 'lo'], 'no second interface')
  t.match(
    await inContainer(one, 'web', 'ip route'),
    `default via ${web.replace(/\.\d+$/, '.1')} dev eth0`,
  )
  t.match(
    await inContainer(two, 'peer', `wget -q -T 3 -O - http://${web}/`),
    'page',
    'the other host’s container',
  )

  const world = await lab.client(one.segment)
  await world.sh(['sh', '-c', 'ip route flush 10.46.0.0/16; true'])
  const worldAddress = one.address.replace(/\.\d+$/, '.101')
  t.match(
    await inContainer(one, 'web', `ping -c 2 -W 2 ${worldAddress}`),
    / 0% packet loss/,
    'a machine that has no route back answers the host’s address',
  )
  t.equal(await pageOf(world, one.address, 8080), 'page', 'published')
  t.equal(await pageOf(one, one.address, 8080), 'page', 'from the host itself')
  t.equal(
    (await inContainer(two, 'peer', `wget -q -T 3 -O - http://${one.address}:8080/`)).trim(),
    'page',
    'from a container of the network by the host’s address',
  )
  const taken = await two.docker(
    ['run', '--rm', '--net', 'single', '-p', '8080:80', 'lab', 'true'],
    { check: false },
  )
  t.equal(taken.code, 0, 'on another host the port is free')
  const twice = await one.docker(
    ['run', '--rm', '--net', 'single', '-p', '8080:80', 'lab', 'true'],
    { check: false },
  )
  t.not(twice.code, 0)
  t.match(twice.stderr, /8080/)
  await one.docker(['stop', '-t', '0', 'web'])
  t.equal(await pageOf(world, one.address, 8080), '', 'not after it has stopped')
})

t.test('machines with a route reach containers, and with expose=off they do not', async (t) => {
  const lab = await segmentedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const [name, pool, more] of [
    ['wide', '10.47.0.0/17', []],
    ['shut', '10.47.128.0/17', ['-o', 'expose=off']],
  ] as const) {
    await createOn([one, two], name, [...ipam(pool), '-o', 'backend=host-gw', ...more])
    for (const host of [one, two]) {
      await runSleeper(host, `${name}-${host.name}`, name)
      await inContainer(host, `${name}-${host.name}`, SERVE)
    }
    const address = await addressOf(one, `${name}-h1`, name)
    const client = await routedClient(lab, one, address)
    const isOpen = name === 'wide'
    t.equal(await canPing(client, address), isOpen, `${name}: a machine with a route`)
    t.equal(await pageOf(client, address), isOpen ? 'page' : '')
    t.equal(await canPing(one, address), isOpen, `${name}: its host`)
    t.equal(await canPing(two, address), isOpen, `${name}: another host`)
    const far = await inContainer(two, `${name}-h2`, `wget -q -T 3 -O - http://${address}/`)
    t.equal(far.trim(), 'page', `${name}: a container of another host`)
  }
})

t.test('IPv4 and IPv6 of one container, by routes and in the tunnel', async (t) => {
  const lab = await segmentedLab(t)
  const flags = [
    ...ipam('10.48.0.0/16'),
    '--ipv6',
    '--subnet',
    'fd48::/64',
    '-o',
    'backend=vxlan',
    '-o',
    'encap=cross-subnet',
  ]
  const hosts = [lab.host(1), lab.host(2), lab.host(3)]
  await createOn(hosts, 'dual', flags)
  const addresses: string[] = []
  for (const host of hosts) {
    await runSleeper(host, host.name, 'dual')
    const format = '{{(index .NetworkSettings.Networks "dual").GlobalIPv6Address}}'
    addresses.push((await host.docker(['inspect', '-f', format, host.name])).stdout.trim())
    addresses.push(await addressOf(host, host.name, 'dual'))
  }
  for (const host of hosts) {
    for (const address of addresses) {
      const six = address.includes(':') ? '-6' : '-4'
      t.match(
        await inContainer(host, host.name, `ping ${six} -c 2 -W 2 ${address}`),
        / 0% packet loss/,
        `${host.name} to ${address}`,
      )
    }
  }
})
