/** One MAC a user gave, on two hosts of one network. */
import t from 'tap'
import { type Cidr, ipOf } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import { until } from '../../fakes/until.js'
import { host, idOf, type TestHost, twoHosts } from '../host.js'

const BLUE_A = idOf('blue on a')
const BLUE_B = idOf('blue on b')
const [WEB, DB] = [idOf('web'), idOf('db')]
const MAC = '02:aa:00:00:00:01' as Mac

function create(at: TestHost, network: string, id: string, address: string): Promise<unknown> {
  const request = { network, id, addresses: [address as Cidr], mac: MAC }
  return at.driver.createEndpoint(request, AbortSignal.timeout(5_000))
}

/** With an address of its own, as dockerd asks for one first. */
async function start(at: TestHost, network: string, id: string): Promise<string> {
  const poolId = [...at.journal.pools.values()].find(({ boundTo }) => boundTo === network)?.id ?? ''
  const wish = { poolId, gateway: false, replay: false }
  const address = await at.ipam.requestAddress(wish, AbortSignal.timeout(5_000))
  await create(at, network, id, address)
  return ipOf(address)
}

t.test('another host’s container has it', async (t) => {
  const { a, b } = await twoHosts(t)
  for (const [at, id] of [
    [a, BLUE_A],
    [b, BLUE_B],
  ] as const)
    await at.docker.createNetwork(id, { subnet: '10.20.0.0/16' })
  await start(a, BLUE_A, WEB)
  await t.rejects(start(b, BLUE_B, DB), {
    code: 'MAC_TAKEN',
    message: /02:aa:00:00:00:01 .*on host/,
  })
  t.equal(b.journal.endpoints.get(DB), undefined)
  await until('its record is gone', async () => (await a.store.keys('/endpoints/')).length === 1)
  await a.driver.deleteEndpoint(BLUE_A, WEB)
  await until('the first one is gone', async () => (await a.store.keys('/endpoints/')).length === 0)
  await start(b, BLUE_B, DB)
})

t.test('two hosts at once: one of them has it', async (t) => {
  const { a, b } = await twoHosts(t)
  for (const [at, id] of [
    [a, BLUE_A],
    [b, BLUE_B],
  ] as const)
    await at.docker.createNetwork(id, { subnet: '10.20.0.0/16' })
  const results = await Promise.allSettled([start(a, BLUE_A, WEB), start(b, BLUE_B, DB)])
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('a container of the same host has it', async (t) => {
  const a = await host(t)
  await a.docker.createNetwork(BLUE_A, { subnet: '10.20.0.0/16' })
  await start(a, BLUE_A, WEB)
  await t.rejects(start(a, BLUE_A, DB), { code: 'MAC_TAKEN' })
  t.equal((await a.store.keys('/endpoints/')).length, 1)
})
