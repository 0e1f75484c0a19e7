/** Which packets of two routed networks, Docker's bridge, this host and others arrive. */
import type { Domain } from '../../src/core/plan.js'
import { NftTable } from '../../src/dataplane/nft/table.js'
import { openNetfilter } from '../../src/dataplane/rtnl/netlink-rtnl.js'
import { ISOLATION, isolationElements } from '../../src/dataplane/tables/isolation.js'
import { onThrowAwayHost, run, until } from './kernel.js'
import type { Name } from './routed-host.js'
import { HOST_ADDRESS, makeRoutedHost, WORLD, X, Y } from './routed-host.js'

/** Who sends to whom, with which source if it is not its own. */
type Case = readonly [from: Name, to: Name, address: string, source?: string]

const X1 = '10.20.1.2'
const X2 = '10.20.1.3'
const Y1 = '10.30.1.2'
const X_ELSEWHERE = '10.20.2.2'
const Y_ELSEWHERE = '10.30.2.2'

/** What arrives with isolation, as without. */
const OPEN: Readonly<Record<string, Case>> = {
  'within a bridge': ['x1', 'x2', X2],
  'to its network on another host': ['x1', 'other', X_ELSEWHERE],
  'from its network on another host': ['other', 'x1', X1, X_ELSEWHERE],
  'to the world': ['x1', 'other', WORLD],
  'from the world': ['other', 'x1', X1, WORLD],
  'from another host itself': ['other', 'x1', X1, '192.0.2.2'],
  'to its gateway': ['x1', 'host', '10.20.1.1'],
  "to the host's address": ['x1', 'host', HOST_ADDRESS],
  'from the host': ['host', 'x1', X1],
  "Docker's containers to the world": ['d1', 'other', WORLD],
  'the world to them': ['other', 'd1', '172.17.0.2', WORLD],
  'IPv6 within a bridge': ['x1', 'x2', 'fd00:20:1::3'],
  'IPv6 to its network on another host': ['x1', 'other', 'fd00:20:2::2'],
  'IPv6 from its network on another host': ['other', 'x1', 'fd00:20:1::2', 'fd00:20:2::2'],
  'IPv6 from the world': ['other', 'x1', 'fd00:20:1::2', '2001:db8:9::9'],
  'IPv6 to the host': ['x1', 'host', '2001:db8::1'],
  'IPv6 from the host': ['host', 'x1', 'fd00:20:1::2'],
}
/** What arrives without isolation only. */
const SHUT: Readonly<Record<string, Case>> = {
  'to another network here': ['x1', 'y1', Y1],
  'to another network on another host': ['x1', 'other', Y_ELSEWHERE],
  'from another network on another host': ['other', 'x1', X1, Y_ELSEWHERE],
  "to Docker's containers": ['x1', 'd1', '172.17.0.2'],
  "from Docker's containers": ['d1', 'x1', X1],
  "from Docker's containers to its network on another host": ['d1', 'other', X_ELSEWHERE],
  "from another host's containers to Docker's": ['other', 'd1', '172.17.0.2', X_ELSEWHERE],
  "to another network with that one's address": ['x1', 'y1', Y1, '10.30.1.9'],
  "to another network with that one's address elsewhere": ['x1', 'y1', Y1, '10.30.2.7'],
  "from Docker's with an address of this host": ['d1', 'x1', X1, '10.20.1.9'],
  "from Docker's with an address elsewhere": ['d1', 'x1', X1, '10.20.2.7'],
  "from Docker's with such an address to the host": ['d1', 'host', HOST_ADDRESS, '10.20.2.7'],
  'from another host with an address of this one': ['other', 'x1', X1, '10.20.1.9'],
  'IPv6 to another network here': ['x1', 'y1', 'fd00:30:1::2'],
  'IPv6 to another network on another host': ['x1', 'other', 'fd00:30:2::2'],
  'IPv6 from another network on another host': ['other', 'x1', 'fd00:20:1::2', 'fd00:30:2::2'],
  "IPv6 to Docker's containers": ['x1', 'd1', 'fd00:17::2'],
  "IPv6 from Docker's containers": ['d1', 'x1', 'fd00:20:1::2'],
  "IPv6 from Docker's with an address elsewhere": ['d1', 'x1', 'fd00:20:1::2', 'fd00:20:2::2'],
  'IPv6 from another host with an address of this one': [
    'other',
    'x1',
    'fd00:20:1::2',
    'fd00:20:1::3',
  ],
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const host = await makeRoutedHost()
  const { talkers } = host
  const socket = openNetfilter()
  if (socket === undefined) throw new Error('no netfilter')
  const table = new NftTable(ISOLATION, { in: 'rules', name: 'isolation' })
  t.teardown(async () => {
    await host.stop()
    await socket.close()
  })

  const want = async (domains: readonly Domain[]) => {
    table.setDesired(isolationElements(domains, 'eth0'))
    table.queueResync()
    return table.apply(socket)
  }
  /** Honest words to each, by ways that are never shut; they come after all that was sent before. */
  const ENDS: Readonly<Record<Name, Case>> = {
    x1: ['x2', 'x1', X1],
    x2: ['x1', 'x2', X2],
    y1: ['y1', 'y1', Y1],
    d1: ['host', 'd1', '172.17.0.2'],
    other: ['host', 'other', WORLD],
    host: ['host', 'host', HOST_ADDRESS],
  }
  let turn = 0
  const send = ([from, , address, source]: Case, text: string) =>
    talkers[from].send(address, text, source)
  /** Names of the cases that arrive. */
  const arriving = async (cases: Readonly<Record<string, Case>>): Promise<string[]> => {
    turn += 1
    for (const [name, one] of Object.entries(cases)) await send(one, `${turn} ${name}`)
    const receivers = [...new Set(Object.values(cases).map(([, to]) => to))]
    for (const to of receivers) await send(ENDS[to], `${turn} end`)
    await until(() => receivers.every((to) => talkers[to].heard.includes(`${turn} end`)))
    for (const to of receivers) t.ok(talkers[to].heard.includes(`${turn} end`), `${to} hears`)
    return Object.entries(cases)
      .filter(([name, [, to]]) => talkers[to].heard.includes(`${turn} ${name}`))
      .map(([name]) => name)
  }
  const all = (cases: Readonly<Record<string, Case>>): string[] => Object.keys(cases)

  t.test('without rules all arrive, so the test can see them', async (t) => {
    t.same(await arriving(OPEN), all(OPEN))
    t.same(await arriving(SHUT), all(SHUT))
  })

  t.test('networks exchange nothing, and keep what is theirs', async (t) => {
    t.match(await want([X, Y]), { failures: [] })
    t.equal(table.unsupported, undefined)
    t.same(await arriving(OPEN), all(OPEN))
    t.same(await arriving(SHUT), [])
  })

  t.test('a new process finds its table as it was', async (t) => {
    const next = new NftTable(ISOLATION, { in: 'rules', name: 'isolation' })
    next.setDesired(isolationElements([Y, X], 'eth0'))
    t.same(await next.apply(socket), { written: 0, drift: 0, failures: [] })
  })

  t.test('both open: they exchange packets, and still none with others', async (t) => {
    t.match(
      await want([
        { ...X, open: true },
        { ...Y, open: true },
      ]),
      { failures: [] },
    )
    t.same(await arriving(SHUT), [
      'to another network here',
      'to another network on another host',
      'from another network on another host',
      // these are for the source check of its port
      "to another network with that one's address",
      "to another network with that one's address elsewhere",
      'IPv6 to another network here',
      'IPv6 to another network on another host',
      'IPv6 from another network on another host',
    ])
    t.match(await want([{ ...X, open: true }, Y]), { failures: [] })
    t.same(await arriving(SHUT), [], 'one alone is not enough')
  })

  t.test('not exposed: nobody else speaks first', async (t) => {
    t.match(await want([{ ...X, exposed: false }, Y]), { failures: [] })
    const closed = [
      'from the world',
      'from another host itself',
      'from the host',
      'IPv6 from the world',
      'IPv6 from the host',
    ]
    t.same(
      await arriving(OPEN),
      all(OPEN).filter((name) => !closed.includes(name)),
    )
    t.equal(await talkers.x1.ask(WORLD), 'other sees 10.20.1.2', 'it is answered')
    t.equal(await talkers.x1.ask('10.20.1.1'), 'host sees 10.20.1.2', 'by the host, too')
    t.equal(await talkers.host.ask(X_ELSEWHERE), 'silence', 'nor by a way through a tunnel')
    t.match(await want([X, Y]), { failures: [] })
    t.equal(await talkers.host.ask(X_ELSEWHERE), 'other sees 192.0.2.1')
  })

  t.test('one domain more or less is its elements, in one batch', async (t) => {
    t.same(await want([X]), { written: 5, drift: 0, failures: [] })
    t.same(await arriving({ free: ['x1', 'y1', Y1] }), [], 'of ours, and a bridge of another one')
    t.same(await want([X, Y]), { written: 5, drift: 0, failures: [] })
    t.same(await want([X, Y]), { written: 0, drift: 0, failures: [] })
  })

  t.test('what others take away is put right', async (t) => {
    for (const command of ['flush ruleset', 'flush chain inet tsoverlay_routed forward']) {
      run('nft', ...command.split(' '))
      t.same(await arriving({ flushed: ['x1', 'y1', Y1] }), ['flushed'], command)
      t.same((await want([X, Y])).drift, 1)
      t.same(await arriving({ mended: ['x1', 'y1', Y1] }), [], command)
    }
    run(
      'nft',
      'delete',
      'element',
      'inet',
      'tsoverlay_routed',
      'ranges4',
      '{ ipv4 . 10.30.0.0/16 }',
    )
    t.same((await want([X, Y])).drift, 1)
  })

  t.test('no domain, no table', async (t) => {
    t.match(await want([]), { written: 1, failures: [] })
    t.notMatch(run('nft', 'list', 'tables'), /tsoverlay/)
    t.same(await arriving(SHUT), all(SHUT))
  })
})
