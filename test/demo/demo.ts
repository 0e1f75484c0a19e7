/**
 * `make demo`: containers on different Docker hosts talk over tsoverlay, from nothing, in plain
 * words. Ends with exit code 0 only if every pair of containers reached each other.
 */
import { expectPing, fetchPage } from '../lab/conncheck.js'
import { waitFor } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import {
  addressOf,
  createNetwork,
  inSandbox,
  installEverywhere,
  PLUGIN,
  PLUGIN_DIR,
  runSleeper,
  sandboxOf,
} from '../lab/tsoverlay.js'

const HOSTS = 3
const NETWORK = 'blue'
const SUBNET = '10.20.0.0/16'
const PORT = 8080

const started = Date.now()

function say(text: string): void {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6)
  process.stdout.write(`${seconds}s  ${text}\n`)
}

function title(text: string): void {
  process.stdout.write(`\n== ${text}\n`)
}

/** Prints a command and what it says, indented. */
function show(command: string, output: string): void {
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => `         ${line}`)
  process.stdout.write(`       $ ${command}\n${lines.join('\n')}\n\n`)
}

interface Placed {
  readonly host: Host
  readonly container: string
  readonly address: string
}

/** Starts a container that also serves a page which names it. */
async function place(host: Host, container: string): Promise<Placed> {
  await runSleeper(host, container, NETWORK)
  const page = `mkdir -p /www && echo "page of ${container}" >/www/index.html && httpd -p ${PORT} -h /www`
  await host.docker(['exec', container, 'sh', '-c', page])
  const address = await addressOf(host, container, NETWORK)
  say(`${host.name}: container ${container} runs with ${address}`)
  return { host, container, address }
}

/** @returns how many pairs failed */
async function checkPairs(placed: readonly Placed[]): Promise<number> {
  let failed = 0
  for (const from of placed) {
    for (const to of placed) {
      if (from === to) continue
      const way = `${from.container} on ${from.host.name} -> ${to.container} on ${to.host.name}`
      const problem = await reach(from, to)
      say(`${way}: ${problem ?? 'ping by address ok, page by name ok'}`)
      if (problem !== undefined) failed += 1
    }
  }
  return failed
}

async function reach(from: Placed, to: Placed): Promise<string | undefined> {
  try {
    await expectPing(from.host, from.container, to.address)
    const page = await fetchPage(from.host, from.container, `http://${to.container}:${PORT}/`)
    const wanted = `page of ${to.container}`
    return page.trim() === wanted ? undefined : `FAILED: the page says "${page.trim()}"`
  } catch (error) {
    return `FAILED: ${error instanceof Error ? error.message : String(error)}`
  }
}

async function oneHostAlone(): Promise<number> {
  title('One host alone: no STORE is set, so the plugin runs an etcd of its own')
  const lab = await Lab.up({ hosts: 1, log: say })
  try {
    const host = lab.host(1)
    say(`h1: docker plugin create and enable ${PLUGIN}`)
    await host.installPlugin(PLUGIN_DIR, { name: PLUGIN })
    say(
      `h1: docker network create -d tsoverlay --ipam-driver tsoverlay --subnet ${SUBNET} ${NETWORK}`,
    )
    await createNetwork(host, NETWORK, ['--subnet', SUBNET])
    return await checkPairs([await place(host, 'one'), await place(host, 'two')])
  } finally {
    await lab.down()
    say('the host is gone again')
  }
}

async function threeHosts(): Promise<number> {
  title(`${HOSTS} Docker hosts with an etcd beside them as their shared store`)
  const lab = await Lab.up({ hosts: HOSTS, etcd: true, log: say })
  try {
    say(`all hosts: docker plugin create, set STORE=${lab.etcd.endpoint} and enable ${PLUGIN}`)
    await installEverywhere(lab, { NETWORK_SYNC: 'on' })
    say(
      `h1: docker network create -d tsoverlay --ipam-driver tsoverlay --subnet ${SUBNET} ${NETWORK}`,
    )
    await createNetwork(lab.host(1), NETWORK, ['--subnet', SUBNET])
    await Promise.all(lab.hosts.slice(1).map(appears))
    const placed: Placed[] = []
    for (const host of lab.hosts) placed.push(await place(host, `c${host.name.slice(1)}`))
    const failed = await checkPairs(placed)
    await showKernel(lab.host(1))
    return failed
  } finally {
    await lab.down()
    say('all hosts are gone again')
  }
}

/** The network was made on another host only. */
async function appears(host: Host): Promise<void> {
  const since = Date.now()
  await waitFor(`network ${NETWORK} on ${host.name}`, 10_000, async () => {
    const { code } = await host.docker(['network', 'inspect', NETWORK], { check: false })
    return code === 0 ? true : undefined
  })
  say(`${host.name}: docker network ls has ${NETWORK}, too (${Date.now() - since} ms later)`)
}

async function showKernel(host: Host): Promise<void> {
  title(`What this looks like in the kernel of ${host.name}`)
  const sandbox = await sandboxOf(host, NETWORK)
  show('ls /run/docker/netns', (await host.sh(['ls', '/run/docker/netns'])).stdout)
  for (const command of ['ip -d link show vxlan0', 'ip neigh', 'bridge fdb show dev vxlan0']) {
    const output = await inSandbox(host, sandbox, command.split(' '))
    show(`nsenter --net=/run/docker/netns/${sandbox} ${command}`, output)
  }
}

async function main(): Promise<void> {
  const failed = (await oneHostAlone()) + (await threeHosts())
  title(failed === 0 ? 'Every pair ok.' : `${failed} pairs FAILED.`)
  process.exitCode = failed === 0 ? 0 : 1
}

main().catch((error: unknown) => {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
