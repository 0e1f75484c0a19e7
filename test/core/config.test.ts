import t from 'tap'
import { parseConfig } from '../../src/core/config.js'
import { hasCode, messageOf } from '../../src/core/errors.js'

const TLS = { STORE: 'https://a:2379', STORE_CERT: '/certs/c', STORE_KEY: '/certs/k' }

function complaint(env: Record<string, string>): string {
  try {
    parseConfig(env)
  } catch (error) {
    return hasCode(error, 'SETTING_INVALID') ? messageOf(error) : `not ours: ${messageOf(error)}`
  }
  return 'accepted'
}

t.test('without settings everything has a default', async (t) => {
  const expected = {
    store: { endpoints: [], prefix: '/tsoverlay' },
    advertise: '',
    scope: 'local',
    networkSync: true,
    restartContainers: true,
    vxlanPort: 4789,
    logLevel: 'info',
  }
  t.strictSame(parseConfig({}), expected)
  const empty = ['STORE', 'STORE_PREFIX', 'STORE_CA', 'STORE_CERT', 'STORE_KEY', 'STORE_USER']
  empty.push('STORE_PASSWORD_FILE', 'ADVERTISE', 'SCOPE', 'NETWORK_SYNC', 'VXLAN_PORT')
  empty.push('LOG_LEVEL', 'METRICS', 'RESTART_CONTAINERS')
  // docker plugin sets what the user left alone to the empty text
  t.strictSame(parseConfig(Object.fromEntries(empty.map((name) => [name, '']))), expected)
})

t.test('every setting is taken over', async (t) => {
  const config = parseConfig({
    ...TLS,
    STORE: ' https://a:2379 ,https://[fd00::1]:2379/,',
    STORE_PREFIX: '/a/b-c_1.x',
    STORE_CA: '/certs/ca.pem',
    STORE_USER: 'root',
    STORE_PASSWORD_FILE: '/certs/password',
    ADVERTISE: '192.0.2.0/24',
    SCOPE: 'global',
    NETWORK_SYNC: 'off',
    RESTART_CONTAINERS: 'off',
    VXLAN_PORT: '8472',
    LOG_LEVEL: 'debug',
    METRICS: '[::1]:9180',
  })
  t.strictSame(config, {
    store: {
      endpoints: ['https://a:2379', 'https://[fd00::1]:2379/'],
      prefix: '/a/b-c_1.x',
      ca: '/certs/ca.pem',
      cert: '/certs/c',
      key: '/certs/k',
      passwordFile: '/certs/password',
      user: 'root',
    },
    advertise: '192.0.2.0/24',
    scope: 'global',
    networkSync: false,
    restartContainers: false,
    vxlanPort: 8472,
    logLevel: 'debug',
    metrics: { host: '::1', port: 9180 },
  })
})

const ACCEPTED: readonly Record<string, string>[] = [
  { STORE: 'http://127.0.0.1:2379' },
  { STORE: 'http://etcd.example:2379,http://10.0.0.2:2379' },
  { ADVERTISE: 'eth0' },
  { ADVERTISE: 'bond0.100' },
  { ADVERTISE: 'fd00::1' },
  { ADVERTISE: '10.0.0.1' },
  { ADVERTISE: 'fd00::/64' },
  { VXLAN_PORT: '1' },
  { VXLAN_PORT: '65535' },
  { METRICS: '0.0.0.0:1' },
  { METRICS: 'localhost:65535' },
  { LOG_LEVEL: 'warn' },
]

t.test('what is allowed is accepted', async (t) => {
  for (const env of ACCEPTED) t.equal(complaint(env), 'accepted', JSON.stringify(env))
})

/** setting, value, other settings, part of what is said to be allowed */
const REFUSED: readonly [string, string, Record<string, string>, string][] = [
  ['STORE', 'etcd:2379', {}, 'http://host:port'],
  ['STORE', 'HTTPS://a:2379', {}, 'http://host:port'],
  ['STORE', 'unix:///run/etcd', {}, 'http://host:port'],
  ['STORE', 'http://', {}, 'http://host:port'],
  ['STORE', 'http://a:2379/v3', {}, 'http://host:port'],
  ['STORE', 'http://a:2379?x=1', {}, 'http://host:port'],
  ['STORE', 'http://a:2379#x', {}, 'http://host:port'],
  ['STORE', 'http://a:2379,https://b:2379', {}, 'either http or https'],
  ['STORE_PREFIX', 'tsoverlay', {}, 'a path such as /tsoverlay'],
  ['STORE_PREFIX', '/a/', {}, 'a path such as /tsoverlay'],
  ['STORE_PREFIX', '/a b', {}, 'a path such as /tsoverlay'],
  ['STORE_CA', 'ca.pem', { STORE: 'https://a:2379' }, 'an absolute path'],
  ['STORE_CA', '/ca.pem', { STORE: 'http://a:2379' }, 'https:// endpoints'],
  ['STORE_CA', '/ca.pem', {}, 'https:// endpoints'],
  ['STORE_CERT', '/c', { STORE_KEY: '/k', STORE: 'http://a:2379' }, 'https:// endpoints'],
  ['STORE_CERT', 'c', { ...TLS, STORE_CERT: 'c' }, 'an absolute path'],
  ['STORE_KEY', 'k', { ...TLS, STORE_KEY: 'k' }, 'an absolute path'],
  ['STORE_KEY', '', { STORE: 'https://a:1', STORE_CERT: '/c' }, 'whenever STORE_CERT is set'],
  ['STORE_CERT', '', { STORE: 'https://a:1', STORE_KEY: '/k' }, 'whenever STORE_KEY is set'],
  ['STORE_PASSWORD_FILE', '', { STORE_USER: 'u' }, 'whenever STORE_USER is set'],
  ['STORE_USER', '', { STORE_PASSWORD_FILE: '/p' }, 'whenever STORE_PASSWORD_FILE is set'],
  ['STORE_PASSWORD_FILE', 'secret', { STORE_USER: 'u' }, 'an absolute path'],
  ['ADVERTISE', '10.0.0.300', {}, 'an address, an interface name, a CIDR'],
  ['ADVERTISE', '10.0.0.0/33', {}, 'an address, an interface name, a CIDR'],
  ['ADVERTISE', '10.0.0', {}, 'an address, an interface name, a CIDR'],
  ['ADVERTISE', 'a-name-of-16-chr', {}, 'an address, an interface name, a CIDR'],
  ['ADVERTISE', 'eth 0', {}, 'an address, an interface name, a CIDR'],
  ['SCOPE', 'swarm', {}, 'local or global'],
  ['SCOPE', 'LOCAL', {}, 'local or global'],
  ['NETWORK_SYNC', 'true', {}, 'on or off'],
  ['RESTART_CONTAINERS', 'no', {}, 'on or off'],
  ['VXLAN_PORT', '0', {}, 'from 1 to 65535'],
  ['VXLAN_PORT', '65536', {}, 'from 1 to 65535'],
  ['VXLAN_PORT', '4789x', {}, 'from 1 to 65535'],
  ['VXLAN_PORT', '-1', {}, 'from 1 to 65535'],
  ['LOG_LEVEL', 'trace', {}, 'debug or info or warn or error'],
  ['METRICS', '9180', {}, 'host:port'],
  ['METRICS', ':9180', {}, 'host:port'],
  ['METRICS', '127.0.0.1:0', {}, 'host:port'],
  ['METRICS', '127.0.0.1:99999', {}, 'host:port'],
  ['METRICS', 'fd00::1:9180', {}, 'host:port'],
]

t.test('a wrong value is refused with its name, itself and what is allowed', async (t) => {
  for (const [name, value, others, allowed] of REFUSED) {
    const said = complaint({ ...others, [name]: value })
    t.ok(said.startsWith(`setting ${name}="${value}" is not valid: allowed is `), said)
    t.ok(said.includes(allowed), said)
    t.notOk(said.includes('\n'), 'one line')
  }
})

t.test('a password in STORE is refused and not shown', async (t) => {
  const urls = ['http://root:hunter2@a:2379', 'http://:hunter2@a:2379', 'root:hunter2@a:2379']
  urls.push('http://a:2379,http://root:hun/ter2,hunter2@b:2379', 'ftp://root:hunter2@a')
  for (const STORE of urls) {
    const said = complaint({ STORE })
    t.match(said, /^setting STORE=".*\*\*\*@/)
    t.notMatch(said, /hunter2/)
  }
})
