/** Which addresses of host and container a published port is of. */
import t from 'tap'
import { PortChoice } from '../../../src/control/endpoints/port-choice.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import { portText } from '../../../src/core/published-port.js'
import type { LocalEndpoint } from '../../../src/core/types.js'
import { FakeHostPorts } from '../../fakes/fake-host-ports.js'

const SIGNAL = new AbortController().signal
const HTTP = { protocol: 'tcp', port: 80, hostPorts: { first: 8080, last: 8080 } } as const
const ANY = { protocol: 'tcp', port: 80 } as const
const at = (hostIp: string) => ({ ...HTTP, hostIp: hostIp as Ip })

function endpoint(id: string, ...addresses: readonly string[]): LocalEndpoint {
  return {
    ...{ id, network: 'k', dockerNetwork: 'd', host: 'h', boot: '1', joined: true },
    mac: '02:42:0a:14:00:05' as Mac,
    addresses: addresses as readonly Cidr[],
  }
}
const BOTH = endpoint('web', '10.20.0.5/24', 'fd00:20::5/64')
const FOUR = endpoint('web', '10.20.0.5/24')
const SIX = endpoint('web', 'fd00:20::5/64')

t.test('each address of the container by its own family', async (t) => {
  const cases = [
    [BOTH, HTTP, ['0.0.0.0:8080->10.20.0.5:80/tcp', '[::]:8080->[fd00:20::5]:80/tcp']],
    [BOTH, at('0.0.0.0'), ['0.0.0.0:8080->10.20.0.5:80/tcp']],
    [BOTH, at('::'), ['[::]:8080->[fd00:20::5]:80/tcp']],
    [BOTH, at('192.0.2.1'), ['192.0.2.1:8080->10.20.0.5:80/tcp']],
    [BOTH, at('fd00::1'), ['[fd00::1]:8080->[fd00:20::5]:80/tcp']],
    [FOUR, HTTP, ['0.0.0.0:8080->10.20.0.5:80/tcp']],
    [SIX, HTTP, ['[::]:8080->[fd00:20::5]:80/tcp']],
  ] as const
  for (const [endpoint, wish, texts] of cases) {
    const choice = new PortChoice({ endpoint, endpoints: [], hostPorts: new FakeHostPorts() })
    const ports = await choice.of([wish], SIGNAL)
    t.strictSame(ports.map(portText), texts, JSON.stringify(wish))
    t.notOk(ports.some(({ hostIp }) => hostIp === '0.0.0.0' || hostIp === '::'))
  }
})

t.test('nothing leads from one family to the other', async (t) => {
  const cases = [
    [
      FOUR,
      at('fd00::1'),
      /^option -p \[fd00::1\]:8080:80\/tcp is not valid: the container has no IPv6/,
    ],
    [SIX, { ...ANY, hostIp: '127.0.0.1' as Ip }, /-p 127\.0\.0\.1::80\/tcp .* no IPv4 address/],
  ] as const
  for (const [endpoint, wish, message] of cases) {
    const choice = new PortChoice({ endpoint, endpoints: [], hostPorts: new FakeHostPorts() })
    await t.rejects(choice.of([wish], SIGNAL), { code: 'OPTION_INVALID', message })
  }
})

t.test('a number is one of both families, and none that is taken in either', async (t) => {
  const hostPorts = new FakeHostPorts()
  hostPorts.heard.add('tcp :: 32768')
  const choice = new PortChoice({ endpoint: BOTH, endpoints: [], hostPorts })
  const ports = await choice.of([ANY], SIGNAL)
  t.strictSame(
    ports.map(({ hostPort }) => hostPort),
    [32_769, 32_769],
  )
})

t.test('one port on two addresses of the host, but not on one and on all', async (t) => {
  const one = async (mine: typeof HTTP, others: typeof HTTP) => {
    const other = endpoint('db', '10.20.0.6/24')
    const hostPorts = new FakeHostPorts()
    const theirs = new PortChoice({ endpoint: other, endpoints: [], hostPorts })
    const published = await theirs.of([others], SIGNAL)
    const endpoints = [{ ...other, published }]
    return new PortChoice({ endpoint: FOUR, endpoints, hostPorts }).of([mine], SIGNAL)
  }
  t.equal((await one(at('192.0.2.1'), at('127.0.0.1'))).length, 1)
  for (const [mine, others] of [
    [HTTP, at('127.0.0.1')],
    [at('127.0.0.1'), HTTP],
    [at('127.0.0.1'), at('0.0.0.0')],
    [at('127.0.0.1'), at('127.0.0.1')],
  ] as const)
    await t.rejects(one(mine, others), { code: 'PORT_TAKEN', message: /by endpoint db:/ })
})

t.test('two wishes of one container cannot have one port', async (t) => {
  const choice = new PortChoice({ endpoint: FOUR, endpoints: [], hostPorts: new FakeHostPorts() })
  const both = choice.of([HTTP, { ...HTTP, port: 81 }], SIGNAL)
  const message = /^option -p 8080:81\/tcp .* port 8080\/tcp is published by the same container:/
  await t.rejects(both, { code: 'PORT_TAKEN', message })
})
