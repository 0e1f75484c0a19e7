/** The plugin's settings as people give them. */
import { withoutSecrets } from './secrets.js'

/** All of them (config.json); config.ts reads them. */
export const SETTINGS = [
  'STORE',
  'STORE_PREFIX',
  'STORE_CA',
  'STORE_CERT',
  'STORE_KEY',
  'STORE_USER',
  'STORE_PASSWORD_FILE',
  'ADVERTISE',
  'SCOPE',
  'NETWORK_SYNC',
  'RESTART_CONTAINERS',
  'VXLAN_PORT',
  'LOG_LEVEL',
  'METRICS',
] as const

/** Whose value is half of what one needs to get in. */
const PRIVATE: ReadonlySet<string> = new Set(['STORE_USER'])

/** Those that are set, without what opens a door. */
export function settingsOf(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const given = SETTINGS.flatMap((name) => {
    const value = env[name]
    return value === undefined || value === '' ? [] : [[name, shown(name, value)] as const]
  })
  return Object.fromEntries(given)
}

function shown(name: string, value: string): string {
  return PRIVATE.has(name) ? '***' : withoutSecrets(value)
}
