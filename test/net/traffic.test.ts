/** Two hosts, two VNIs, one container per host and network: packets really pass. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Plan } from '../../src/core/plan.js'
import type { Miss } from '../../src/core/ports.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  planOf,
  removeContainer,
  run,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

const VTEPS = { a: '192.0.2.1', b: '192.0.2.2' } as const
const SERVER =
  'require("net").createServer((s) => s.pipe(s)).listen(7, "::", () => console.log("up"))'
/** Sends 100 kB, so packets are as large as they get, and prints what came back. */
const CLIENT = `
  const s = require("net").connect({ host: process.argv[1], port: 7, timeout: 4000 })
  let got = 0
  s.on("data", (d) => { got += d.length; if (got === 100000) { console.log(got); process.exit(0) } })
  s.on("timeout", () => { console.log("timeout"); process.exit(1) })
  s.on("error", (e) => { console.log(e.code); process.exit(1) })
  s.write(Buffer.alloc(100000))`

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const dirA = makeNetnsDir()
  const dirB = makeNetnsDir()
  const files = join(dirA, '..')
  // this process is host a; host b is another namespace, joined to it by a veth
  const hostB = makeContainer(files, 'host-b')
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', hostB)
  run('ip', 'addr', 'add', `${VTEPS.a}/24`, 'dev', 'eth0')
  run('ip', 'link', 'set', 'eth0', 'up')
  inside(hostB, 'ip', 'addr', 'add', `${VTEPS.b}/24`, 'dev', 'eth0')
  inside(hostB, 'ip', 'link', 'set', 'eth0', 'up')

  const dataplane = await createDataplane({ netnsDir: dirA, logger: silent })
  const misses: Miss[] = []
  dataplane.onMiss((miss) => misses.push(miss))
  const agentFile = fileURLToPath(new URL('./agent.ts', import.meta.url))
  const command = [process.execPath, '--import', 'tsx', agentFile, dirB]
  const agent = spawn('nsenter', [`--net=${hostB}`, ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const answers = createInterface({ input: agent.stdout })[Symbol.asyncIterator]()
  const applyAtB = async (plan: Plan) => {
    agent.stdin.write(`${JSON.stringify(plan)}\n`)
    return JSON.parse((await answers.next()).value ?? '{}')
  }
  const servers: ChildProcess[] = []

  const containers: string[] = []
  /** Does what dockerd does with a joined endpoint. */
  const plug = (host: string | undefined, link: string, name: string, addresses: string[]) => {
    const container = makeContainer(files, name)
    containers.push(container)
    const move = ['ip', 'link', 'set', link, 'netns', container, 'name', 'eth0']
    if (host === undefined) run('ip', ...move.slice(1))
    else inside(host, 'ip', ...move.slice(1))
    for (const address of addresses) {
      inside(container, 'ip', 'addr', 'add', address, 'dev', 'eth0', 'nodad')
    }
    inside(container, 'ip', 'link', 'set', 'eth0', 'up')
    return container
  }
  const serve = async (container: string) => {
    const server = spawn('nsenter', [`--net=${container}`, process.execPath, '-e', SERVER])
    servers.push(server)
    await once(server.stdout, 'data')
  }
  const talk = (from: string, to: string) => {
    try {
      return inside(from, process.execPath, '-e', CLIENT, to).trim()
    } catch (error) {
      return String((error as { stdout?: string }).stdout).trim()
    }
  }

  t.teardown(async () => {
    for (const server of servers) server.kill('SIGKILL')
    agent.stdin.end()
    await once(agent, 'exit')
    for (const name of await dataplane.list()) await dataplane.remove(name)
    await dataplane.close()
    for (const container of [...containers, hostB]) removeContainer(container)
    unmountNetnsDir(dirA)
    unmountNetnsDir(dirB)
  })

  /** Network `n`: its containers are 10.2n.0.10 on host a and 10.2n.0.11 on host b. */
  const network = (n: number) => {
    const macA = '02:42:0a:14:01:01'
    const common = {
      sandbox: `1-${String(n).repeat(10)}`,
      vni: 4096 + n,
      addresses: [`10.2${n}.0.1/16`, `fd00:${n}::1/64`],
      ports: [`n${n}`],
    }
    const peersOf = (host: number, vtep: string) =>
      [
        [`10.2${n}.0.${host}`, macA.replace(/..$/, `${host}`), vtep],
        [`fd00:${n}::${host}`, macA.replace(/..$/, `${host}`), vtep],
      ] as const
    const withMac = (plan: Plan, host: number): Plan => ({
      ...plan,
      links: plan.links.map((link) =>
        link.kind === 'veth'
          ? { ...link, peer: { ...link.peer, mac: `02:42:0a:14:01:${host}` as never } }
          : link,
      ),
    })
    const a = planOf({ ...common, local: VTEPS.a, peers: peersOf(11, VTEPS.b) })
    const b = planOf({ ...common, local: VTEPS.b, peers: peersOf(10, VTEPS.a) })
    return { a: withMac(a, 10), b: withMac(b, 11) }
  }

  t.test('containers of two hosts reach each other in each of two networks', async (t) => {
    for (const n of [1, 2]) {
      const { a, b } = network(n)
      t.same((await dataplane.apply(a)).failures, [])
      t.same((await applyAtB(b)).failures, [])
      const left = plug(undefined, `tson${n}`, `a${n}`, [`10.2${n}.0.10/16`, `fd00:${n}::10/64`])
      const right = plug(hostB, `tson${n}`, `b${n}`, [`10.2${n}.0.11/16`, `fd00:${n}::11/64`])
      await serve(right)
      t.equal(talk(left, `10.2${n}.0.11`), '100000', `network ${n}, IPv4`)
      t.equal(talk(left, `fd00:${n}::11`), '100000', `network ${n}, IPv6`)
      const neighbours = inside(left, 'ip', 'neigh', 'show', 'dev', 'eth0')
      t.match(neighbours, new RegExp(`10.2${n}.0.11 .*lladdr 02:42:0a:14:01:11`))
    }
  })

  t.test('ARP is answered by the proxy: no broadcast crosses the underlay', async (t) => {
    const [left = ''] = containers
    inside(left, 'ip', 'neigh', 'flush', 'dev', 'eth0')
    const sandbox = join(dirA, '1-1111111111')
    const sent = () => {
      const show = JSON.parse(inside(sandbox, 'ip', '-j', '-s', 'link', 'show', 'vxlan0'))
      return Number(show[0].stats64.tx.packets)
    }
    const before = sent()
    inside(left, 'bash', '-c', 'echo x > /dev/udp/10.21.0.11/9')
    await until(() => sent() > before)
    t.match(inside(left, 'ip', 'neigh', 'show', 'dev', 'eth0'), /10\.21\.0\.11 .*lladdr/)
    t.ok(sent() - before <= 1, 'the datagram itself and nothing else')
  })

  t.test('one network does not reach the other', (t) => {
    const [left = ''] = containers
    inside(left, 'ip', 'route', 'replace', '10.22.0.0/16', 'dev', 'eth0')
    t.not(talk(left, '10.22.0.11'), '100000')
    t.end()
  })

  t.test('an address that nobody knows is told to the listener', async (t) => {
    const [left = ''] = containers
    misses.length = 0
    inside(left, 'bash', '-c', 'echo x > /dev/udp/10.21.0.77/9')
    const want = { sandbox: '1-1111111111', dev: 'vxlan0', ip: '10.21.0.77' }
    await until(() => misses.some((miss) => miss.ip === want.ip))
    t.same(
      misses.find((miss) => miss.ip === want.ip),
      want,
    )
    inside(left, 'bash', '-c', 'echo x > /dev/udp/fd00:1::77/9')
    await until(() => misses.some((miss) => miss.ip === 'fd00:1::77'))
    t.ok(misses.some((miss) => miss.ip === 'fd00:1::77'))
    t.notOk(
      misses.some((miss) => /^(fe80|ff)/.test(miss.ip)),
      'link-local and multicast addresses are no endpoints',
    )
  })

  t.test('a peer is reached exactly as long as the plan has it', async (t) => {
    const [left = ''] = containers
    const { a } = network(1)
    t.same((await dataplane.apply({ ...a, fdb: [], neighbours: [] })).failures, [])
    inside(left, 'ip', 'neigh', 'flush', 'dev', 'eth0')
    t.not(talk(left, '10.21.0.11'), '100000', 'without its entries it is not reached')
    t.same((await dataplane.apply(a)).failures, [])
    t.equal(talk(left, '10.21.0.11'), '100000')
  })
})
