/** `-p` on the wire: moby daemon/libnetwork/types/types.go PortBinding. */
import t from 'tap'
import { bench, errorOf } from './dockerd.js'
import { ENDPOINT, NETWORK } from './golden.js'

const METHOD = 'NetworkDriver.ProgramExternalConnectivity'

function body(Options?: object | null): string {
  return JSON.stringify({ NetworkID: NETWORK, EndpointID: ENDPOINT, Options })
}

function binding(more: object): object {
  return { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 0, HostPortEnd: 0, ...more }
}

const portMap = (...bindings: readonly object[]): object => ({
  'com.docker.network.portmap': bindings,
})

t.test('each form of -p becomes a wish', async (t) => {
  const { server, recorder } = bench(t)
  const cases: [string, object, object][] = [
    ['80', {}, { protocol: 'tcp', port: 80 }],
    [
      '8080:80',
      { HostPort: 8080, HostPortEnd: 8080 },
      { protocol: 'tcp', port: 80, hostPorts: { first: 8080, last: 8080 } },
    ],
    [
      '8080:80, as a program that leaves the end out has it',
      { HostPort: 8080 },
      { protocol: 'tcp', port: 80, hostPorts: { first: 8080, last: 8080 } },
    ],
    [
      '8000-8010:53/udp',
      { Proto: 17, Port: 53, HostPort: 8000, HostPortEnd: 8010 },
      { protocol: 'udp', port: 53, hostPorts: { first: 8000, last: 8010 } },
    ],
    [
      '[fd00:0::1]::80/sctp',
      { Proto: 132, HostIP: 'fd00:0::1' },
      { protocol: 'sctp', port: 80, hostIp: 'fd00::1' },
    ],
  ]
  for (const [text, sent, wish] of cases) {
    const answer = await server.inject(METHOD, body(portMap(binding(sent))))
    t.equal(answer.status, 200, text)
    const call = recorder.calls.at(-1)
    t.strictSame([call?.method, call?.args], ['publish', [NETWORK, ENDPOINT, [wish]]], text)
    t.equal(call?.signal?.aborted, false)
  }
})

t.test('without ports, or with labels of the sandbox that we do not read', async (t) => {
  const { server, recorder } = bench(t)
  const others = {
    'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }],
    'com.docker.network.driver.private.no_proxy_6to4': true,
  }
  for (const options of [undefined, null, {}, others, { 'com.docker.network.portmap': null }]) {
    const { status } = await server.inject(METHOD, body(options))
    t.equal(status, 200, JSON.stringify(options))
    t.strictSame(recorder.calls.at(-1)?.args, [NETWORK, ENDPOINT, []])
  }
})

t.test(
  'a binding that makes no sense is refused with field, value and what is allowed',
  async (t) => {
    const { server, recorder } = bench(t)
    const field = (name: string): string => `com\\.docker\\.network\\.portmap\\[1\\]\\.${name}`
    const cases: [object, RegExp][] = [
      [{ Proto: 1 }, new RegExp(`^${field('Proto')} is 1, but must be 6 \\(TCP\\), 17`)],
      [{ HostIP: 'eth0' }, new RegExp(`^${field('HostIP')} is "eth0", but must be an IP address$`)],
      [
        { HostPort: 8010, HostPortEnd: 8000 },
        new RegExp(`^${field('HostPortEnd')} is 8000, but must be 8010, its HostPort, to 65535$`),
      ],
      [
        { HostPort: 0, HostPortEnd: 9 },
        new RegExp(`^${field('HostPort')} is 0, but must be 1 to 9, its HostPortEnd$`),
      ],
      [{ Port: 0 }, /portmap\.1\.Port is 0, but must be >= 1$/],
      [{ Port: 65_536 }, /portmap\.1\.Port is 65536, but must be <= 65535$/],
      [{ HostPort: 65_536 }, /portmap\.1\.HostPort is 65536, but must be <= 65535$/],
      [{ HostPort: -1 }, /portmap\.1\.HostPort is -1, but must be >= 0$/],
      [{ HostPort: '8080' }, /portmap\.1\.HostPort is "8080", but must be integer$/],
      [{ Proto: 'tcp' }, /portmap\.1\.Proto is "tcp", but must be integer$/],
    ]
    for (const [sent, expected] of cases) {
      const answer = await server.inject(METHOD, body(portMap(binding({}), binding(sent))))
      t.equal(answer.status, 500)
      t.match(errorOf(answer.body), expected, JSON.stringify(sent))
    }
    const answer = await server.inject(METHOD, body({ 'com.docker.network.portmap': '8080:80' }))
    t.match(errorOf(answer.body), /portmap is "8080:80", but must be array$/)
    t.strictSame(recorder.calls, [])
  },
)
