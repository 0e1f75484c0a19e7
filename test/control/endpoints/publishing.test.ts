/** Ports of networks that are their containers' way out, by the program's own wiring. */
import t from 'tap'
import { hasCode, TsoverlayError } from '../../../src/core/errors.js'
import type { PublishedPort } from '../../../src/core/published-port.js'
import { folder } from '../../fakes/folder.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'
import { host, idOf, startHost, type TestHost } from '../host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const WEB = idOf('web')
const DB = idOf('db')
const SIGNAL = () => AbortSignal.timeout(5_000)
const BRIDGE = { backend: 'host-gw', gateway: 'bridge' }
const HTTP = { protocol: 'tcp', port: 80, hostPorts: { first: 8080, last: 8080 } } as const
const ANY = { protocol: 'tcp', port: 80 } as const

/** A host with two containers of one network. */
async function withContainers(
  t: Parameters<typeof host>[0],
  options: Readonly<Record<string, string>> = BRIDGE,
) {
  const a = await host(t)
  await a.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16', options })
  const [web, db] = [await a.docker.run(BLUE, WEB), await a.docker.run(BLUE, DB)]
  return { a, web: web.split('/')[0], db: db.split('/')[0] }
}

/** What the last pass over the host's namespace was to make. */
function planned({ dataplane }: TestHost): readonly PublishedPort[] {
  return (dataplane.host?.domains ?? []).flatMap(({ published }) => published)
}

t.test('a port is in the rules when dockerd has its answer, and people can see it', async (t) => {
  const { a, web } = await withContainers(t)
  await a.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
  t.strictSame(planned(a), [{ protocol: 'tcp', port: 80, to: web, hostPort: 8080 }])
  const text = `0.0.0.0:8080->${web}:80/tcp`
  t.match(await a.driver.endpointInfo(BLUE, WEB), { 'tsoverlay.ports': text })
  t.match(a.status().networks, [{ published: [text] }])
  t.strictSame(a.hostPorts.asked, ['tcp 0.0.0.0 8080'])
  await a.driver.unpublish(BLUE, WEB)
  t.strictSame(planned(a), [])
  t.notOk('tsoverlay.ports' in (await a.driver.endpointInfo(BLUE, WEB)))
  await a.driver.unpublish(BLUE, WEB)
})

t.test('what docker_gwbridge publishes is none of ours', async (t) => {
  for (const options of [{}, { backend: 'host-gw' }, { ...BRIDGE, gateway: 'docker_gwbridge' }]) {
    const { a } = await withContainers(t, options)
    await a.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
    t.strictSame(planned(a), [])
    t.equal(a.journal.endpoints.get(WEB)?.published, undefined)
    t.strictSame(a.hostPorts.asked, [])
  }
})

t.test('a port of another container is refused, with whose it is', async (t) => {
  const { a } = await withContainers(t)
  await a.docker.createNetwork(RED, { subnet: '10.21.0.0/16', options: BRIDGE })
  const cache = idOf('cache')
  await a.docker.run(RED, cache)
  await a.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
  for (const [network, id] of [
    [BLUE, DB],
    [RED, cache],
  ] as const) {
    const refused = a.driver.publish(network, id, [{ ...HTTP, port: 8000 }], SIGNAL())
    await t.rejects(refused, {
      code: 'PORT_TAKEN',
      message: `option -p 8080:8000/tcp is not valid: port 8080/tcp is published by endpoint ${WEB.slice(0, 12)}: allowed are ports that nothing on this host has`,
    })
  }
  await a.driver.publish(BLUE, DB, [{ ...HTTP, protocol: 'udp' }], SIGNAL())
  t.equal(planned(a).length, 2, 'UDP is another port')
  await a.docker.stop(BLUE, WEB)
  await a.driver.publish(RED, cache, [HTTP], SIGNAL())
})

t.test('a port on which a program listens is refused', async (t) => {
  const { a } = await withContainers(t)
  a.hostPorts.heard.add('tcp 192.0.2.1 8080')
  const at = { ...HTTP, hostIp: '192.0.2.1' as never }
  await t.rejects(a.driver.publish(BLUE, WEB, [at], SIGNAL()), {
    code: 'PORT_TAKEN',
    message:
      'option -p 192.0.2.1:8080:80/tcp is not valid: port 8080/tcp of 192.0.2.1: a program of this host listens on it: allowed are ports that nothing on this host has',
  })
  t.strictSame(planned(a), [])
  t.equal(a.journal.endpoints.get(WEB)?.published, undefined, 'nothing of it stays')
})

t.test('without a number one is chosen, and the same call again keeps it', async (t) => {
  const { a } = await withContainers(t)
  const range = { ...ANY, port: 81, hostPorts: { first: 8000, last: 8002 } }
  a.hostPorts.heard.add('tcp 0.0.0.0 8000')
  await a.driver.publish(BLUE, WEB, [ANY, ANY, range], SIGNAL())
  const ports = planned(a)
  t.strictSame(
    ports.map(({ hostPort }) => hostPort),
    [32_768, 32_769, 8001],
  )
  await a.driver.publish(BLUE, WEB, [ANY, ANY, range], SIGNAL())
  t.strictSame(planned(a), ports)
  a.hostPorts.heard.add('tcp 0.0.0.0 8002')
  await t.rejects(a.driver.publish(BLUE, DB, [range], SIGNAL()), {
    code: 'PORT_TAKEN',
    message:
      /^option -p 8000-8002:81\/tcp is not valid: no port of 8000 to 8002 is free; port 8002/,
  })
  await a.driver.publish(BLUE, WEB, [range], SIGNAL())
  t.strictSame(planned(a), ports.slice(2), 'the others are no more')
})

t.test('two that choose at once get two ports', async (t) => {
  const { a } = await withContainers(t)
  const range = { ...ANY, hostPorts: { first: 8000, last: 8002 } }
  await Promise.all([WEB, DB].map((id) => a.driver.publish(BLUE, id, [range], SIGNAL())))
  t.strictSame(
    planned(a).map(({ hostPort }) => hostPort),
    [8000, 8001],
  )
})

t.test(
  'rules that the kernel refuses fail the call, and what was there before is again',
  async (t) => {
    const { a } = await withContainers(t)
    await a.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
    const before = planned(a)
    const error = new TsoverlayError('KERNEL_FAILED', 'rules of the host namespace: EPERM')
    a.dataplane.hostFailures = [{ item: { in: 'rules', name: 'rules' }, error }]
    const more = { ...HTTP, hostPorts: { first: 8443, last: 8443 } }
    await t.rejects(a.driver.publish(BLUE, WEB, [more], SIGNAL()), {
      code: 'KERNEL_FAILED',
      message: /^0\.0\.0\.0:8443->.*:80\/tcp not published: rules of the host namespace: EPERM$/,
    })
    t.strictSame(a.journal.endpoints.get(WEB)?.published, before)
    await until(
      'the rules are as before',
      () => JSON.stringify(planned(a)) === JSON.stringify(before),
    )
  },
)

t.test('a container that leaves has no port, also while one is looked for', async (t) => {
  const { a } = await withContainers(t)
  await a.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
  await a.driver.leave(BLUE, WEB)
  t.equal(a.journal.endpoints.get(WEB)?.published, undefined)
  await until('the rules are gone', () => planned(a).length === 0)
  const late = (id: string) => a.driver.publish(BLUE, id, [HTTP], SIGNAL())
  await t.rejects(late(WEB), { code: 'ENDPOINT_UNKNOWN' })
  let go = (): void => undefined
  a.hostPorts.hang = new Promise((resolve) => {
    go = resolve
  })
  const publishing = late(DB)
  await until('it looks', () => a.hostPorts.asked.length === 2)
  await a.driver.leave(BLUE, DB)
  go()
  await t.rejects(publishing, { code: 'ENDPOINT_UNKNOWN' })
  t.equal(a.journal.endpoints.get(DB)?.published, undefined)
})

t.test('unknown networks and endpoints, and calls without ports', async (t) => {
  const { a } = await withContainers(t)
  await t.rejects(a.driver.publish(RED, WEB, [HTTP], SIGNAL()), { code: 'NETWORK_UNKNOWN' })
  const cache = idOf('cache')
  await t.rejects(a.driver.publish(BLUE, cache, [HTTP], SIGNAL()), { code: 'ENDPOINT_UNKNOWN' })
  await a.driver.unpublish(RED, WEB)
  await a.driver.unpublish(BLUE, cache)
  await a.driver.publish(RED, cache, [], SIGNAL())
  await a.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
  await a.driver.publish(BLUE, WEB, [], SIGNAL())
  t.strictSame(planned(a), [], 'none are wanted any more')
})

t.test('they outlive a restart of the plugin', async (t) => {
  const [dir, store] = [folder(t), new MemoryStore()]
  const options = { dir, store, vtep: '192.0.2.1' }
  const before = await startHost(options)
  await before.docker.createNetwork(BLUE, { subnet: '10.20.0.0/16', options: BRIDGE })
  await before.docker.run(BLUE, WEB)
  await before.driver.publish(BLUE, WEB, [HTTP], SIGNAL())
  const ports = planned(before)
  await before.close()
  const after = await host(t, options)
  await until('the rules are there', () => planned(after).length > 0)
  t.strictSame(planned(after), ports)
})

t.test('a deadline ends the search for a port', async (t) => {
  const { a } = await withContainers(t)
  const late = a.driver.publish(BLUE, WEB, [HTTP], AbortSignal.abort())
  const error = await late.catch((reason: unknown) => reason)
  t.notOk(hasCode(error, 'PORT_TAKEN'))
  t.match(error, { name: 'AbortError' })
  t.equal(a.journal.endpoints.get(WEB)?.published, undefined)
})
