import { accessSync, constants, existsSync } from 'node:fs'
import { run } from './exec.js'
import { LabError, type Log } from './names.js'

/** What the lab, and some tests, call on the machine, and the Debian package that has it. */
const COMMANDS: Readonly<Record<string, string>> = {
  chromium: 'chromium',
  debootstrap: 'debootstrap',
  fish: 'fish',
  groff: 'groff-base',
  ip: 'iproute2',
  iptables: 'iptables',
  nft: 'nftables',
  nsenter: 'util-linux',
  tar: 'tar',
  zsh: 'zsh',
}
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin']

/**
 * Installs what is missing on the machine, without a word if nothing is.
 * @throws LabError if not root, or if apt-get fails.
 */
export async function ensurePackages(log: Log): Promise<void> {
  requireRoot()
  const missing = Object.entries(COMMANDS)
    .filter(([command]) => !isInstalled(command))
    .map(([, name]) => name)
  if (!existsSync(KEYRING)) missing.push('debian-archive-keyring')
  if (missing.length === 0) return
  log(`installing ${missing.join(', ')}`)
  if ((await install(missing)).code === 0) return
  await run(['apt-get', 'update', '-qq'], { timeoutMs: 180_000 })
  const again = await install(missing)
  if (again.code !== 0) {
    throw new LabError(`apt-get cannot install ${missing.join(', ')}: ${lastLine(again.stderr)}`)
  }
}

/** @throws LabError unless the effective user is root. */
export function requireRoot(): void {
  if (process.geteuid?.() !== 0) throw new LabError('the lab needs root')
}

function isInstalled(command: string): boolean {
  return DIRECTORIES.some((directory) => {
    try {
      accessSync(`${directory}/${command}`, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function install(names: readonly string[]) {
  return run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...names], {
    check: false,
    timeoutMs: 300_000,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  })
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
