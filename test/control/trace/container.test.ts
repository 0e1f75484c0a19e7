/** What is said of a container, and of what is in its namespace. */
import t from 'tap'
import {
  judgeDuplicate,
  judgeInterface,
  judgeNeighbour,
  judgeRoute,
  judgeSocket,
  judgeState,
} from '../../../src/control/trace/judge/container.js'
import type { Ip } from '../../../src/core/ip.js'
import type { ListenFact } from '../../../src/core/path-facts.js'
import { ENDPOINT, facts, inside, link, OTHER, OTHER_MAC, OWN_MAC } from './facts.js'

const commandOf = (found: { readonly mend?: { readonly command: string } }) => found.mend?.command

t.test('its state', async (t) => {
  const of = (status: string) =>
    judgeState('web', { id: 'c', name: 'web', status, endpoints: [], networks: [] })
  t.equal(of('running').verdict, 'ok')
  for (const [status, command] of [
    ['paused', 'docker unpause web'],
    ['exited', 'docker start web'],
    ['restarting', undefined],
  ] as const) {
    t.equal(of(status).verdict, 'failed', status)
    t.equal(commandOf(of(status)), command)
  }
  t.equal(judgeState('web', undefined).verdict, 'unknown', 'dockerd does not answer')
})

t.test('its interface', async (t) => {
  t.equal(judgeInterface('web', inside(), ENDPOINT).verdict, 'ok')
  t.equal(commandOf(judgeInterface('web', undefined, ENDPOINT)), 'docker restart web')
  t.match(judgeInterface('web', facts({}), ENDPOINT).says, /no interface of the network/)
  const eth0 = { mac: OWN_MAC, addresses: ENDPOINT.addresses }
  const with0 = (more: object) => inside({ links: [link('eth0', { ...eth0, ...more })] })
  for (const [more, command] of [
    [{ up: false }, 'link set eth0 up'],
    [{ mac: OTHER_MAC }, `link set eth0 address ${OWN_MAC}`],
    [{ addresses: [] }, 'addr add 10.20.0.5/16 dev eth0'],
  ] as const) {
    const found = judgeInterface('web', with0(more), ENDPOINT)
    t.equal(found.verdict, 'failed')
    t.equal(commandOf(found), `tsoverlay netns web ip ${command}`)
  }
})

t.test('its route', async (t) => {
  t.equal(judgeRoute('web', inside(), OTHER, 'eth0').verdict, 'ok')
  const none = judgeRoute('web', inside({ routes: [] }), OTHER, 'eth0')
  t.equal(commandOf(none), 'docker restart web')
  const stray = {
    to: '10.20.0.8/31',
    dev: 'eth1',
    type: 'unicast',
    protocol: 'boot',
    planned: false,
  }
  const astray = inside({
    routes: [{ to: OTHER, kind: 'unicast', dev: 'eth1' }],
    table: [stray as never],
  })
  const other = judgeRoute('web', astray, OTHER, 'eth0')
  t.match(other.says, /leave by eth1 and not by eth0/)
  t.equal(commandOf(other), 'tsoverlay netns web ip route del 10.20.0.8/31 dev eth1')
  const own = inside({
    routes: [{ to: OTHER, kind: 'local', dev: 'lo' }],
    links: [link('eth0', { addresses: ['10.20.0.9/16' as never] })],
  })
  t.equal(
    commandOf(judgeRoute('web', own, OTHER, 'eth0')),
    'tsoverlay netns web ip addr del 10.20.0.9/16 dev eth0',
  )
})

t.test('what it takes its peer for', async (t) => {
  const next = { ip: OTHER, mac: OTHER_MAC, dev: 'eth0' }
  const of = (state: string, mac?: string, dev = 'eth0') => {
    const entry = { dev, ip: OTHER, state, planned: false, ...(mac === undefined ? {} : { mac }) }
    const there = inside({ neighbours: [entry as never] })
    return judgeNeighbour('web', there, next, (found) =>
      found === OWN_MAC ? 'cache on h1' : undefined,
    )
  }
  t.equal(of('reachable', OTHER_MAC).verdict, 'ok')
  t.equal(of('reachable', OWN_MAC, 'eth1').verdict, 'ok', 'of another interface')
  t.equal(of('failed').verdict, 'warning')
  const wrong = of('stale', OWN_MAC)
  t.equal(wrong.verdict, 'failed')
  t.match(wrong.says, /at 02:42:0a:14:00:05, which is cache on h1, and not at 02:42:0a:14:00:09/)
  t.equal(commandOf(wrong), 'tsoverlay netns web ip neigh del 10.20.0.9 dev eth0')
})

t.test('an address that is there twice', async (t) => {
  const other = facts({ links: [link('eth0', { addresses: ['10.20.0.9/16' as never] })] })
  const all = new Map([
    ['thief', other],
    ['web', inside()],
  ])
  const [found, ...more] = judgeDuplicate(OTHER, 'db', all, false)
  t.same(more, [])
  t.equal(found?.verdict, 'failed')
  t.equal(found && commandOf(found), 'tsoverlay netns thief ip addr del 10.20.0.9/16 dev eth0')
  const [checked] = judgeDuplicate(OTHER, 'db', all, true)
  t.equal(checked?.verdict, 'warning', 'its port drops what it sends')
})

t.test('who listens', async (t) => {
  const socket = (address: string, port = 80, protocol: 'tcp' | 'udp' = 'tcp'): ListenFact => ({
    ...{ address: address as Ip, port, protocol },
  })
  const of = (...sockets: ListenFact[]) =>
    judgeSocket('db', OTHER, { protocol: 'tcp', port: 80 }, sockets)
  for (const address of ['0.0.0.0', '::', OTHER])
    t.equal(of(socket(address)).verdict, 'ok', address)
  const none = of(socket('0.0.0.0', 81), socket('0.0.0.0', 80, 'udp'), socket('127.0.0.11', 4_000))
  t.equal(none.verdict, 'failed')
  t.match(none.says, /listens on: 81$/)
  t.equal(commandOf(none), 'docker restart db')
  t.match(of(socket('127.0.0.1')).says, /on 127.0.0.1 only, which only the container itself/)
  t.match(of(socket('10.21.0.9')).says, /on 10.21.0.9 only, not 10.20.0.9/)
  const six = judgeSocket('db', 'fd20::9' as Ip, { protocol: 'tcp', port: 80 }, [socket('0.0.0.0')])
  t.equal(six.verdict, 'failed', 'IPv6 is not IPv4')
  t.equal(judgeSocket('db', OTHER, { protocol: 'tcp', port: 80 }, undefined).verdict, 'unknown')
})
