/** Routed networks behind dockerd's FORWARD DROP, with the iptables of Debian. */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { NFPROTO } from '../../src/dataplane/nft/constants.js'
import { NftTable } from '../../src/dataplane/nft/table.js'
import { openNetfilter } from '../../src/dataplane/rtnl/netlink-rtnl.js'
import { DockerUser, readLegacyTables } from '../../src/dataplane/tables/docker-user.js'
import { ISOLATION, isolationElements } from '../../src/dataplane/tables/isolation.js'
import { startDocker, tables } from './docker-rules.js'
import { onThrowAwayHost, run } from './kernel.js'
import { makeRoutedHost, WORLD, X, Y } from './routed-host.js'

const OURS = [
  '-A DOCKER-USER -i tsb-+ -m comment --comment tsoverlay -j ACCEPT',
  '-A DOCKER-USER -o tsb-+ -m comment --comment tsoverlay -j ACCEPT',
]
const ANSWERS = ['-i', '-o'].map(
  (way) =>
    `-A FORWARD ${way} tsb-+ -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment tsoverlay -j ACCEPT`,
)
const RETURN = '-A DOCKER-USER -j RETURN'
const CHAIN = '-N DOCKER-USER'
const CLEAN = { written: 0, drift: 0, failures: [] }
const X1 = '10.20.1.2'
const SEEN = 'other sees 10.20.1.2'

const userChain = (command = 'iptables'): string[] =>
  run(command, '-S', 'DOCKER-USER').trim().split('\n')

const forwardChain = (command = 'iptables'): string[] =>
  run(command, '-S', 'FORWARD').trim().split('\n')

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const host = await makeRoutedHost()
  const { x1, other } = host.talkers
  const socket = openNetfilter()
  if (socket === undefined) throw new Error('no netfilter')
  const isolation = new NftTable(ISOLATION, { in: 'rules', name: 'isolation' })
  isolation.setDesired(isolationElements([X, Y], 'eth0'))
  t.match(await isolation.apply(socket), { failures: [] })
  const docker = new DockerUser()
  const look = async (table = docker) => {
    table.setDesired(true)
    table.queueResync()
    return table.apply(socket)
  }
  t.teardown(async () => {
    await host.stop()
    await socket.close()
  })

  t.test('where docker has no chain, none is made', async (t) => {
    t.same(await look(), CLEAN)
    t.notMatch(run('nft', 'list', 'tables'), /filter/)
    tables('-P FORWARD DROP')
    t.same(await look(), CLEAN)
    t.match(docker.obstacle([]), /^chain FORWARD of table ip filter drops .* tsb-\*$/)
    t.equal(await x1.ask(WORLD), 'silence')
    t.notMatch(run('iptables', '-S'), /tsb/)
    tables('-P FORWARD ACCEPT')
  })

  t.test("behind the user's rules and before docker's return", async (t) => {
    startDocker()
    run('iptables', ...'-I DOCKER-USER -d 203.0.113.9 -p tcp --dport 7001 -j DROP'.split(' '))
    t.equal(await x1.ask(WORLD), 'silence', 'docker drops what it does not know')
    t.same(await look(), { written: 8, drift: 0, failures: [] })
    t.same(userChain(), [
      CHAIN,
      '-A DOCKER-USER -d 203.0.113.9/32 -p tcp -m tcp --dport 7001 -j DROP',
      ...OURS,
      RETURN,
    ])
    t.same(userChain('ip6tables'), [CHAIN, ...OURS, RETURN])
    for (const command of ['iptables', 'ip6tables'])
      t.same(forwardChain(command).slice(-2), ANSWERS, command)
    t.equal(docker.obstacle(['filter', '']), undefined)
    t.equal(await x1.ask(WORLD), SEEN)
    t.equal(await other.ask(X1), 'x1 sees 192.0.2.2')
    t.equal(await x1.ask('2001:db8:9::9'), 'other sees fd00:20:1::2')
    t.equal(await x1.ask(WORLD, 7001), 'silence', "the user's rule holds")
    t.equal(await x1.ask('10.30.1.2'), 'silence', 'and so does isolation')
    t.same(await look(), CLEAN)
    t.same(await look(new DockerUser()), CLEAN, 'a new process knows them')
  })

  t.test('whatever takes them away', async (t) => {
    const saved = run('iptables-save')
    const restore = (text: string): void => {
      execFileSync('iptables-restore', { input: text })
    }
    const without = saved.replace(/^-A DOCKER-USER.*tsb-.*\n/gm, '')
    const breaks: Readonly<Record<string, () => void>> = {
      'iptables -F DOCKER-USER': () => tables('-F DOCKER-USER'),
      'one of them deleted': () =>
        run('iptables', ...(OURS[0] ?? '').replace('-A', '-D').split(' ')),
      'iptables-restore of rules without them': () => restore(without),
      'a rule that the user puts behind them': () => tables('-A DOCKER-USER -p sctp -j DROP'),
      'what iptables-restore makes of them': () => restore(saved),
    }
    for (const [name, work] of Object.entries(breaks)) {
      work()
      await look()
      const rules = userChain()
      t.same(
        rules.filter((rule) => rule.includes('tsb')),
        OURS,
        name,
      )
      t.same(rules.filter((rule) => rule !== RETURN).slice(-2), OURS, name)
      t.same(forwardChain().slice(-2), ANSWERS, name)
      t.same(await look(), CLEAN, name)
    }
    t.equal(await x1.ask(WORLD), SEEN)
  })

  t.test('iptables -F takes the jump, not the policy', async (t) => {
    tables('-F')
    t.equal(await x1.ask(WORLD), 'silence')
    t.match(await look(), { drift: 4, failures: [] })
    t.equal(await x1.ask(WORLD), SEEN)
    t.match(run('iptables', '-S', 'FORWARD'), /-P FORWARD DROP\n(-A FORWARD .*tsb.*\n){2}$/)
    t.same(userChain(), [CHAIN])
    // dockerd comes back
    tables('-I FORWARD -j DOCKER-USER')
    t.match(await look(), { failures: [] })
    t.same(
      forwardChain().filter((rule) => rule.includes('tsb')),
      ANSWERS,
    )
    t.same(userChain(), [CHAIN, ...OURS], 'docker 28 puts no return behind them')
    t.equal(await x1.ask(WORLD), SEEN)
  })

  t.test('dockerd takes the jump and puts it back, with each network that is made', async (t) => {
    const conversation = x1.converse('192.0.2.2', 2_000)
    await sleep(300)
    tables('-D FORWARD -j DOCKER-USER')
    t.equal(await x1.ask(WORLD), 'silence', "it may be one that the user's rules drop")
    tables('-I FORWARD -j DOCKER-USER')
    const [answered, asked] = (await conversation).split(' of ')
    t.equal(answered, asked)
    t.ok(Number(asked) > 10, `${asked} asked`)
    t.equal(await x1.ask(WORLD), SEEN)
    t.match(await look(), { written: 0, drift: 0, failures: [] })
  })

  t.test('nft flush ruleset, and docker made anew', async (t) => {
    run('nft', 'flush', 'ruleset')
    t.match(await look(), { written: 0, failures: [] })
    startDocker()
    t.match(await look(), { written: 8, failures: [] })
    t.same(userChain(), [CHAIN, ...OURS, RETURN])
  })

  t.test('frames within a bridge, where they are shown to iptables', async (t) => {
    run('sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1')
    tables('-F DOCKER-USER')
    t.equal(await x1.ask('10.20.1.3'), 'silence')
    await look()
    t.equal(await x1.ask('10.20.1.3'), 'x2 sees 10.20.1.2')
    isolation.queueResync()
    t.match(await isolation.apply(socket), { drift: 1 })
    t.equal(await x1.ask('10.20.1.3'), 'x2 sees 10.20.1.2')
    t.equal(await x1.ask(WORLD), SEEN)
    t.equal(await other.ask(X1, undefined, '10.30.2.2'), 'silence')
    t.equal(await other.ask(X1, undefined, '10.20.2.2'), 'x1 sees 10.20.2.2')
    run('sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0')
  })

  t.test('iptables of the legacy kind are named, with what to run', async (t) => {
    t.same(readLegacyTables(), [])
    run('nft', 'delete', 'table', 'ip', 'filter')
    run('nft', 'delete', 'table', 'ip6', 'filter')
    await look()
    t.equal(docker.obstacle(['mangle']), undefined)
    run('iptables-legacy', '-P', 'FORWARD', 'DROP')
    run('iptables-legacy', '-N', 'DOCKER-USER')
    run('iptables-legacy', '-I', 'FORWARD', '-j', 'DOCKER-USER')
    const obstacle = docker.obstacle(readLegacyTables()) ?? ''
    t.match(obstacle, /^iptables of the legacy kind/)
    t.equal(await x1.ask(WORLD), 'silence')
    run('sh', '-c', obstacle.slice(obstacle.indexOf('iptables-legacy')))
    t.equal(await x1.ask(WORLD), SEEN)
    run('iptables-legacy', '-F')
    run('iptables-legacy', '-P', 'FORWARD', 'ACCEPT')
    startDocker()
    await look()
    t.equal(docker.obstacle(readLegacyTables()), undefined)
  })

  t.test('a chain of somebody else that drops is named', async (t) => {
    run(
      'nft',
      'add table inet mine; add chain inet mine fw { type filter hook forward priority 5; policy drop; }',
    )
    await look()
    t.match(docker.obstacle([]), /^chain fw of table inet mine/)
    run('nft', 'delete table inet mine')
    // Docker without ip6tables, and ufw
    const look6 = async (families: readonly number[]) => {
      docker.setDesired(true, families)
      docker.queueResync()
      await docker.apply(socket)
      return docker.obstacle([])
    }
    run(
      'nft',
      'add table ip6 mine; add chain ip6 mine fw { type filter hook forward priority 5; policy drop; }',
    )
    t.equal(await look6([NFPROTO.IPV4]), undefined, 'no network has IPv6')
    t.match(await look6([NFPROTO.IPV4, NFPROTO.IPV6]), /^chain fw of table ip6 mine/)
    run('nft', 'delete table ip6 mine')
    run(
      'nft',
      'add table inet firewalld_policy_drop; add chain inet firewalld_policy_drop fw { type filter hook forward priority 9; policy drop; }',
    )
    await look()
    t.equal(docker.obstacle([]), undefined, 'firewalld reloads')
    run('nft', 'delete table inet firewalld_policy_drop')
  })

  t.test('without bridges of ours none are left', async (t) => {
    docker.setDesired(false)
    t.match(await docker.apply(socket), { written: 8, failures: [] })
    t.same(userChain(), [CHAIN, RETURN])
    t.match(run('iptables', '-S', 'FORWARD'), /-P FORWARD DROP/)
    t.notMatch(run('iptables', '-S', 'FORWARD'), /tsb/)
    t.equal(docker.obstacle(['filter']), undefined)
  })
})
