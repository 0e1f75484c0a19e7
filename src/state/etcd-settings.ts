/** How a connection to etcd is set up, and the files that STORE_CA, STORE_CERT, STORE_KEY and STORE_PASSWORD_FILE name. */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { StoreConfig } from '../core/config.js'
import { messageOf, TsoverlayError } from '../core/errors.js'

/** Of a gRPC connection to etcd (grpc-js README, "Supported Channel Options"). */
export const CHANNEL_OPTIONS = {
  // a connection that hangs is noticed after 6 + 3 s; etcd answers pings closer than 5 s apart
  // with GOAWAY (its --grpc-keepalive-min-time)
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  // 10,000 entries are more than the default of 4 MB
  'grpc.max_receive_message_length': -1,
  'grpc.enable_http_proxy': 0,
} as const

export interface Credentials {
  /** for https endpoints; absent for http */
  readonly tls?: {
    readonly rootCertificate: Buffer
    readonly privateKey?: Buffer
    readonly certChain?: Buffer
  }
  readonly login?: { readonly name: string; readonly password: string }
}

/**
 * @param endpoints all http or all https, which core/config.ts has seen to
 * @throws TsoverlayError SETTING_INVALID when a file cannot be read or is empty
 */
export function readCredentials(config: StoreConfig, endpoints: readonly string[]): Credentials {
  const secure = endpoints.some((endpoint) => endpoint.startsWith('https:'))
  const ca = read('STORE_CA', config.ca)
  const certChain = read('STORE_CERT', config.cert)
  const privateKey = read('STORE_KEY', config.key)
  const password = read('STORE_PASSWORD_FILE', config.passwordFile)
  const tls = {
    rootCertificate: ca ?? Buffer.from(rootCertificates.join('\n')),
    ...(certChain === undefined ? {} : { certChain }),
    ...(privateKey === undefined ? {} : { privateKey }),
  }
  const login =
    config.user === undefined || password === undefined
      ? undefined
      : { name: config.user, password: password.toString().replace(/\r?\n$/, '') }
  return { ...(secure ? { tls } : {}), ...(login === undefined ? {} : { login }) }
}

function read(setting: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  const allowed = 'allowed is a readable file inside the plugin, under its `certs` mount'
  let content: Buffer
  try {
    content = readFileSync(path)
  } catch (error) {
    throw new TsoverlayError(
      'SETTING_INVALID',
      `setting ${setting}="${path}" cannot be read (${messageOf(error)}): ${allowed}`,
      error,
    )
  }
  if (content.length > 0) return content
  throw new TsoverlayError('SETTING_INVALID', `setting ${setting}="${path}" is empty: ${allowed}`)
}
