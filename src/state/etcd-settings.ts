/** The files that STORE_CA, STORE_CERT, STORE_KEY and STORE_PASSWORD_FILE name. */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { StoreConfig } from '../core/config.js'
import { messageOf, TsoverlayError } from '../core/errors.js'

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
