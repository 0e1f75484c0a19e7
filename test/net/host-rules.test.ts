/** All rules of the host's namespace together, and what puts them right when others take them away. */
import type { Ip } from '../../src/core/ip.js'
import { HOST } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { startDocker, tables } from './docker-rules.js'
import { makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir, until } from './kernel.js'
import { HOST_ADDRESS, makeRoutedHost, routedPlan, WORLD, X, Y } from './routed-host.js'
import { PORT } from './talker.js'

const PORT_8080 = { protocol: 'tcp', hostPort: 8080, to: '10.20.1.2' as Ip, port: PORT } as const
const PLAN = routedPlan([
  { ...X, masquerade: true, published: [PORT_8080] },
  { ...Y, masquerade: true },
])
const CLEAN = { written: 0, drift: 0, failures: [] }
const TABLES = ['bridge tsoverlay', 'inet tsoverlay_nat', 'inet tsoverlay_routed']
const Y1 = '10.30.1.2'

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const host = await makeRoutedHost()
  const { x1, x2, y1, other, host: self } = host.talkers
  startDocker()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  // as the reconciler does
  dataplane.onDrift((place) => {
    if (place === HOST) void dataplane.apply(PLAN)
  })
  t.teardown(async () => {
    await dataplane.close()
    await host.stop()
    unmountNetnsDir(netnsDir)
  })
  const ourTables = (): string[] =>
    run('nft', 'list', 'tables')
      .split('\n')
      .filter((line) => line.includes('tsoverlay'))
      .map((line) => line.replace('table ', ''))
      .sort()
  /** Two in DOCKER-USER, two in FORWARD. */
  const RULES = 4
  const ourRules = (): number =>
    run('iptables', '-S')
      .split('\n')
      .filter((line) => line.includes('tsb-+')).length
  const isWhole = (): boolean => ourTables().length === TABLES.length && ourRules() === RULES

  t.test('all that routed networks need', async (t) => {
    t.match(await dataplane.apply(PLAN), { failures: [] })
    t.same(ourTables(), TABLES)
    t.equal(await x1.ask(WORLD), 'other sees 192.0.2.1')
    t.equal(await x1.ask('10.20.1.3'), 'x2 sees 10.20.1.2')
    t.equal(await x1.ask(Y1), 'silence')
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.2')
    t.equal(await self.ask('127.0.0.1', 8080), 'x1 sees 10.20.1.1', 'its localhost is let out')
    t.equal(await x2.ask(HOST_ADDRESS, 8080), 'x1 sees 10.20.1.1')
    t.same(await dataplane.apply(PLAN), CLEAN)
    dataplane.queueResync(HOST)
    t.same(await dataplane.apply(PLAN), CLEAN)
  })

  const saved = run('iptables-save').replace(/^-A .*tsb-.*\n/gm, '')
  const BREAKS: Readonly<Record<string, () => void>> = {
    'iptables -F': () => tables('-F'),
    'iptables -F DOCKER-USER': () => tables('-F DOCKER-USER'),
    'iptables-restore': () => run('sh', '-c', `iptables-restore <<'END'\n${saved}\nEND`),
    'nft flush ruleset, then docker': () => {
      run('nft', 'flush', 'ruleset')
      startDocker()
    },
    // as firewalld does with FlushAllOnReload and iptables: all tables of its own, policies first
    'a reload of a firewall': () => {
      tables('-P FORWARD DROP')
      for (const table of ['filter', 'nat', 'mangle', 'raw']) tables(`-t ${table} -F`)
      tables('-P FORWARD ACCEPT')
      run('nft', 'add table inet firewalld; delete table inet firewalld; add table inet firewalld')
    },
    'a table of ours deleted': () => run('nft', 'delete', 'table', 'inet', 'tsoverlay_routed'),
    'a chain of ours flushed': () =>
      run('nft', 'flush', 'chain', 'inet', 'tsoverlay_nat', 'output'),
  }
  for (const [name, work] of Object.entries(BREAKS)) {
    t.test(name, async (t) => {
      const stream = x1.stream(Y1, 1_000)
      y1.heard.length = 0
      const start = Date.now()
      work()
      const done = Date.now()
      await until(isWhole)
      t.same(ourTables(), TABLES)
      t.equal(ourRules(), RULES)
      await stream
      const times = y1.heard.map((line) => Number(line.replace('at ', '')))
      const last = Math.max(start, ...times) - start
      t.comment(`open until ${last} ms after, the command took ${done - start} ms; ${times.length}`)
      t.equal(await x1.ask(WORLD), 'other sees 192.0.2.1')
      t.equal(await x1.ask(Y1), 'silence')
      t.equal(await other.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.2')
      t.equal(await self.ask('127.0.0.1', 8080), 'x1 sees 10.20.1.1')
    })
  }

  t.test('rules of others are as they were', async (t) => {
    run('nft', 'add table inet mine; add chain inet mine c; add rule inet mine c drop')
    run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', '172.17.0.0/16', '-j', 'MASQUERADE')
    const others = (): string =>
      run('nft', 'list', 'table', 'inet', 'mine') +
      run('iptables-save')
        .replaceAll(/^#.*\n/gm, '')
        .replaceAll(/\[.*\]/g, '')
    const before = others()
    dataplane.queueResync(HOST)
    t.match(await dataplane.apply(PLAN), { failures: [] })
    t.equal(others(), before)
    t.match(await dataplane.apply({ place: HOST, links: [], neighbours: [], fdb: [] }), {
      failures: [],
    })
    t.same(ourTables(), [])
    t.equal(others(), before.replace(/^-A .*tsb-.*\n/gm, ''))
  })
})
