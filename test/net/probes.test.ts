/** Probes between two hosts on the real kernel: what arrives behind the vxlan device, and what does not. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Ip } from '../../src/core/ip.js'
import type { Probe } from '../../src/core/probe.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  makeNetnsDir,
  onThrowAwayHost,
  planOf,
  run,
  SANDBOX,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

const HERE = '192.0.2.1' as Ip
const THERE = '192.0.2.2' as Ip
const FULL = 1_450

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  const other = join(netnsDir, 'other')
  run('mkdir', '-p', netnsDir)
  run('touch', other)
  run('unshare', `--net=${other}`, 'true')
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other)
  run('ip', 'addr', 'add', `${HERE}/24`, 'dev', 'eth0')
  run('ip', 'link', 'set', 'eth0', 'up')
  inside(other, 'ip', 'addr', 'add', `${THERE}/24`, 'dev', 'eth0')
  inside(other, 'ip', 'link', 'set', 'eth0', 'up')

  const plan = planOf({ local: THERE, sandbox: '1-bbbbbbbbbb', ports: ['c1'] })
  const { agent, seen } = await startAgent(other, netnsDir, JSON.stringify(plan))
  const heard: Probe[] = []
  await dataplane.apply(planOf({ local: HERE }))
  const deafen = dataplane.hearProbes(SANDBOX, 'vxlan0', (probe) => heard.push(probe))
  t.teardown(async () => {
    agent.stdin?.end()
    await once(agent, 'exit')
    await dataplane.remove(SANDBOX)
    await dataplane.close()
    run('umount', other)
    unmountNetnsDir(netnsDir)
  })

  let marks = 0
  /** Whether it arrived there, and whether its answer came. */
  const probe = async (size: number, more: Partial<Probe> = {}) => {
    const mark = (++marks).toString(16).padStart(16, '0')
    const asked: Probe = { kind: 'ask', mark, vni: 4096, from: HERE, size, ...more }
    const error = dataplane.sendProbe(asked, { vtep: THERE, port: 4789 })
    const has = (list: readonly Probe[]): boolean => list.some((each) => each.mark === mark)
    await until(() => has(heard), error === undefined ? 700 : 0)
    return { error, there: has(seen), back: has(heard) }
  }
  const BOTH = { error: undefined, there: true, back: true }

  t.test(
    'a probe of each size arrives behind the vxlan device, and so does its answer',
    async (t) => {
      for (let turn = 0; turn < 10 && !(await probe(64)).back; turn += 1) {}
      t.same(await probe(64), BOTH)
      t.same(await probe(FULL), BOTH)
      t.match(heard.at(-1), { kind: 'answer', from: THERE, vni: 4096, size: FULL })
      t.match(seen.at(-1), { kind: 'ask', from: HERE, size: FULL })
    },
  )

  t.test('no container sees one', async (t) => {
    const files = join(netnsDir, '1-bbbbbbbbbb')
    const rule =
      'table netdev seen { chain out { type filter hook egress device vethc1 priority 0; ether type 0x88b5 counter; }; }'
    inside(files, 'nft', rule)
    t.same(await probe(64), BOTH)
    t.match(inside(files, 'nft', 'list', 'table', 'netdev', 'seen'), / packets 0 bytes 0/)
  })

  t.test('more than the MTU of the host is refused, another VNI is nobody’s', async (t) => {
    t.same(await probe(FULL + 1), { error: 'EMSGSIZE', there: false, back: false })
    t.same(await probe(64, { vni: 4097 }), { error: undefined, there: false, back: false })
  })

  t.test('a port that is blocked one way is known by which way', async (t) => {
    const rule =
      'table inet lost { chain in { type filter hook input priority 5; udp dport 4789 drop; }; }'
    inside(other, 'nft', rule)
    t.same(await probe(64), { error: undefined, there: false, back: false })
    inside(other, 'nft', 'delete table inet lost')
    run('nft', rule)
    t.same(await probe(64), { error: undefined, there: true, back: false })
    run('nft', 'delete table inet lost')
    run('nft', rule.replace('chain in', 'chain out').replace('hook input', 'hook output'))
    t.same(await probe(64), { error: 'EPERM', there: false, back: false })
    run('nft', 'delete table inet lost')
    t.same(await probe(64), BOTH)
  })

  t.test('a path that takes less loses the full one', async (t) => {
    const rule =
      'table netdev lost { chain in { type filter hook ingress device eth0 priority 0; meta length > 1400 drop; }; }'
    inside(other, 'nft', rule)
    t.same(await probe(FULL), { error: undefined, there: false, back: false })
    t.same(await probe(64), BOTH)
    inside(other, 'nft', 'delete table netdev lost')
  })

  t.test('who is deaf hears nothing, and there is no ear without a device', async (t) => {
    t.equal(
      dataplane.hearProbes(SANDBOX, 'vxlan9', () => undefined),
      undefined,
    )
    t.equal(
      dataplane.hearProbes('1-cccccccccc', 'vxlan0', () => undefined),
      undefined,
    )
    deafen?.()
    t.same(await probe(64), { error: undefined, there: true, back: false })
  })
})

async function startAgent(
  netns: string,
  netnsDir: string,
  plan: string,
): Promise<{ agent: ChildProcess; seen: Probe[] }> {
  const file = fileURLToPath(new URL('probe-agent.ts', import.meta.url))
  const command = [process.execPath, ...process.execArgv, file, netnsDir, plan, THERE]
  const agent = spawn('nsenter', [`--net=${netns}`, ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const seen: Probe[] = []
  const lines = createInterface({ input: agent.stdout })
  await once(lines, 'line')
  lines.on('line', (line) => seen.push(JSON.parse(line) as Probe))
  return { agent, seen }
}
