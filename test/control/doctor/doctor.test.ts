/** Doctors of two hosts that ask each other over a store in memory. */
import t from 'tap'
import type { DoctorLine, Finding } from '../../../src/core/admin/doctor.js'
import type { TestHost } from '../host.js'
import { connect, wiredHosts } from '../probes/wired-hosts.js'

const NEVER = new AbortController().signal

async function look(host: TestHost, all: boolean): Promise<readonly Finding[]> {
  const lines: DoctorLine[] = []
  await host.doctor.look(all, (line) => lines.push(line), NEVER)
  t.ok(lines.some((line) => 'progress' in line))
  return lines.flatMap((line) => ('finding' in line ? [line.finding] : []))
}

const bad = (found: readonly Finding[]): string[] =>
  found
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ name, about, verdict, says }) => `${verdict} ${name} ${about}: ${says}`)

t.test('healthy hosts: each looks, and nothing is found', async (t) => {
  const { a } = await wiredHosts(t)
  const own = await look(a, false)
  t.same(bad(own), [])
  const all = await look(a, true)
  t.same(bad(all), [])
  const tunnels = all.filter(({ name }) => name === 'tunnels')
  t.equal(tunnels.length, 2, 'of both hosts')
  for (const { says } of tunnels) t.equal(says, 'VXLAN packets of 1450 bytes get there and back')
})

t.test('a direction that is blocked is named', async (t) => {
  const { a, b } = await wiredHosts(t)
  b.dataplane.onProbeSent = () => undefined
  t.match(bad(await look(a, false)), [
    /^failed tunnels host .*: VXLAN packets \(UDP 4789\) arrive at /,
  ])
  connect(b, a)
  a.dataplane.onProbeSent = () => undefined
  t.match(bad(await look(a, false)), [
    /^failed tunnels host .*: .* from this host do not arrive at /,
  ])
})

t.test('a host that does not answer is a finding, once, and the others answer', async (t) => {
  const { a, b } = await wiredHosts(t)
  b.store.expireLeases()
  const found = await look(a, true)
  t.match(bad(found), [/^failed hosts host .*: host .* does not answer: its plugin does not run/])
  t.ok(found.some(({ name }) => name === 'kernel'))
})

t.test('a store that is away is one finding, and no host is to blame', async (t) => {
  const { a } = await wiredHosts(t)
  a.store.unavailable = true
  const found = (await look(a, true)).filter(({ verdict }) => verdict === 'failed')
  t.same([...new Set(found.map(({ name }) => name))].sort(), ['store'])
})

t.test('a check that breaks is a finding, and the others come', async (t) => {
  const { a } = await wiredHosts(t)
  a.dataplane.lacks = async () => {
    throw new Error('no memory')
  }
  const found = await look(a, false)
  t.same(bad(found), ['warning kernel : it could not be looked at: no memory'])
  t.ok(found.some(({ name }) => name === 'firewall'))
})
