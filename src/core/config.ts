/**
 * The plugin's settings, as `docker plugin set` gives them in the environment (config.json `env`).
 * A wrong value stops the start with one line that names the setting, the value and what is allowed.
 */
import { isAbsolute } from 'node:path'
import { TsoverlayError } from './errors.js'
import { parseCidr, parseIp } from './ip.js'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
type LogLevel = (typeof LOG_LEVELS)[number]

export interface StoreConfig {
  /** etcd URLs; empty = the embedded etcd */
  readonly endpoints: readonly string[]
  readonly prefix: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly user?: string
  readonly passwordFile?: string
}

export interface Config {
  readonly store: StoreConfig
  /** address, interface name or CIDR that selects the VTEP; empty = source of the default route */
  readonly advertise: string
  readonly scope: 'local' | 'global'
  readonly networkSync: boolean
  /** start again what dockerd has given up because of us */
  readonly restartContainers: boolean
  readonly vxlanPort: number
  readonly logLevel: LogLevel
  /** where /metrics listens; absent = nowhere */
  readonly metrics?: { readonly host: string; readonly port: number }
}

type Env = Readonly<Record<string, string | undefined>>

/** @throws TsoverlayError SETTING_INVALID */
export function parseConfig(env: Env): Config {
  const metrics = parseMetrics(env['METRICS'] ?? '')
  return {
    store: parseStore(env),
    advertise: parseAdvertise(env['ADVERTISE'] ?? ''),
    scope: oneOf('SCOPE', env['SCOPE'], ['local', 'global'], 'local'),
    networkSync: oneOf('NETWORK_SYNC', env['NETWORK_SYNC'], ['on', 'off'], 'on') === 'on',
    restartContainers:
      oneOf('RESTART_CONTAINERS', env['RESTART_CONTAINERS'], ['on', 'off'], 'on') === 'on',
    vxlanPort: parsePort('VXLAN_PORT', env['VXLAN_PORT'] || '4789'),
    logLevel: oneOf('LOG_LEVEL', env['LOG_LEVEL'], LOG_LEVELS, 'info'),
    ...(metrics === undefined ? {} : { metrics }),
  }
}

function invalid(name: string, value: string, allowed: string): TsoverlayError {
  return new TsoverlayError(
    'SETTING_INVALID',
    `setting ${name}="${value}" is not valid: allowed is ${allowed}`,
  )
}

function parseStore(env: Env): StoreConfig {
  const given = env['STORE'] ?? ''
  // A password does not belong here, and above all not into the log.
  const text = given.replace(/^([a-z]+:\/\/)?.*@/s, '$1***@')
  const endpoints = given
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  for (const endpoint of endpoints) {
    if (!isStoreUrl(endpoint)) {
      throw invalid(
        'STORE',
        text,
        'a comma separated list of http://host:port or https://host:port, or nothing for the embedded etcd',
      )
    }
  }
  if (new Set(endpoints.map((endpoint) => new URL(endpoint).protocol)).size > 1) {
    throw invalid('STORE', text, 'either http or https for all endpoints, not both')
  }
  const prefix = env['STORE_PREFIX'] || '/tsoverlay'
  if (!/^(\/[A-Za-z0-9._-]+)+$/.test(prefix)) {
    throw invalid(
      'STORE_PREFIX',
      prefix,
      'a path such as /tsoverlay: parts of letters, digits, ".", "_" and "-", each after a "/", no "/" at the end',
    )
  }
  return { endpoints, prefix, ...parseCredentials(env, endpoints) }
}

function isStoreUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { hostname, pathname, search, hash } = new URL(text)
  const plain = (pathname === '/' || pathname === '') && search === '' && hash === ''
  return /^https?:\/\/[^@]+$/.test(text) && hostname !== '' && plain
}

const FILE_SETTINGS = {
  STORE_CA: 'ca',
  STORE_CERT: 'cert',
  STORE_KEY: 'key',
  STORE_PASSWORD_FILE: 'passwordFile',
} as const

function parseCredentials(env: Env, endpoints: readonly string[]): Partial<StoreConfig> {
  const found: { -readonly [K in keyof StoreConfig]?: StoreConfig[K] } = {}
  for (const [name, field] of Object.entries(FILE_SETTINGS)) {
    const path = env[name] || undefined
    if (path === undefined) continue
    if (!isAbsolute(path))
      throw invalid(name, path, 'an absolute path inside the plugin, under its `certs` mount')
    found[field] = path
  }
  const user = env['STORE_USER'] || undefined
  if (user !== undefined) found.user = user
  requireTogether(env, 'STORE_CERT', 'STORE_KEY')
  requireTogether(env, 'STORE_USER', 'STORE_PASSWORD_FILE')
  const secure = endpoints.some((endpoint) => endpoint.startsWith('https:'))
  for (const [name, path] of [
    ['STORE_CA', found.ca],
    ['STORE_CERT', found.cert],
  ] as const) {
    if (path !== undefined && !secure)
      throw invalid(name, path, 'a file only with https:// endpoints in STORE')
  }
  return found
}

function requireTogether(env: Env, a: string, b: string): void {
  const [hasA, hasB] = [Boolean(env[a]), Boolean(env[b])]
  if (hasA === hasB) return
  const [given, missing] = hasA ? [a, b] : [b, a]
  throw invalid(missing, '', `a value whenever ${given} is set`)
}

function parseAdvertise(text: string): string {
  const interfaceName = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$/
  if (text === '' || parseIp(text) || parseCidr(text)) return text
  if (interfaceName.test(text) && !/^[\d.]+$/.test(text)) return text
  throw invalid(
    'ADVERTISE',
    text,
    'an address, an interface name, a CIDR, or nothing for the source address of the default route',
  )
}

function parsePort(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65535) throw invalid(name, text, 'a port number from 1 to 65535')
  return port
}

function parseMetrics(text: string): Config['metrics'] {
  if (text === '') return undefined
  const match = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)
  const host = match?.[1]
  const port = match?.[2]
  if (host === undefined || port === undefined)
    throw invalid('METRICS', text, 'host:port, such as 127.0.0.1:9180, or nothing')
  const number = Number(port)
  if (number < 1 || number > 65535)
    throw invalid('METRICS', text, 'host:port with a port number from 1 to 65535, or nothing')
  return { host: host.replace(/^\[|\]$/g, ''), port: number }
}

function oneOf<const T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
  standard: T,
): T {
  if (value === undefined || value === '') return standard
  const found = allowed.find((item) => item === value)
  if (found === undefined) throw invalid(name, value, allowed.join(' or '))
  return found
}
