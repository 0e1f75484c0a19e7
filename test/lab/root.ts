import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './exec.js'
import { CACHE_DIR, LabError, type Log } from './names.js'

const PACKAGES = [
  'docker.io',
  'iptables',
  'iproute2',
  'nftables',
  'procps',
  'kmod',
  'ca-certificates',
  'iputils-ping',
  'tcpdump',
  'etcd-server',
  'etcd-client',
  'busybox-static',
  'iperf3',
]
/** Up to bookworm docker.io has the client in it; later it is a package of its own. */
const CLIENT_INSIDE = new Set(['buster', 'bullseye', 'bookworm'])
/** Inside the root: the package list that it was made from. It's written last. */
const STAMP = 'etc/tsolab-packages'

export const DEFAULT_SUITE = process.env['TSOVERLAY_LAB_SUITE'] ?? 'trixie'

/**
 * A Debian root with Docker and etcd in it, bootstrapped if the cache has none with this very
 * package list. It is made under a temporary name, so that what has the right name is complete.
 * @returns its path. Only to be used as the lower layer of an overlayfs.
 * @throws LabError if debootstrap fails; its log stays in the cache.
 */
export async function ensureRoot(suite: string, log: Log): Promise<string> {
  if (!/^[a-z]+$/.test(suite)) throw new LabError(`suite ${suite} is not a Debian suite's name`)
  const packages = CLIENT_INSIDE.has(suite) ? PACKAGES : [...PACKAGES, 'docker-cli']
  const wanted = `${suite} ${packages.join(' ')}\n`
  const root = join(CACHE_DIR, `root-${suite}`)
  const have = await readFile(join(root, STAMP), 'utf8').catch(() => '')
  if (have === wanted) return root
  log(`bootstrapping Debian ${suite} with Docker into ${root} (once, about a minute)`)
  await mkdir(CACHE_DIR, { recursive: true })
  await removeUnfinished()
  const temporary = `${root}.${process.pid}`
  await bootstrap(suite, packages, temporary)
  await trim(temporary)
  await writeFile(join(temporary, STAMP), wanted)
  await rm(root, { recursive: true, force: true })
  await rename(temporary, root)
  return root
}

/** What an interrupted bootstrap has left; only one at a time runs, under the lab's mutex. */
async function removeUnfinished(): Promise<void> {
  const names = (await readdir(CACHE_DIR)).filter((name) => /^root-[a-z]+\.\d+$/.test(name))
  for (const name of names) await removeTree(join(CACHE_DIR, name))
}

/** debootstrap mounts /proc in its target, and leaves it there when it is killed. */
async function removeTree(path: string): Promise<void> {
  await run(['umount', '-l', join(path, 'proc')], { check: false })
  await rm(path, { recursive: true, force: true })
}

async function bootstrap(suite: string, packages: readonly string[], target: string) {
  const mirror = await aptMirror()
  const argv = ['debootstrap', '--variant=minbase', `--include=${packages.join(',')}`]
  // debootstrap has a start-stop-daemon that does nothing while it works, so no service starts.
  const result = await run([...argv, suite, target, ...(mirror === undefined ? [] : [mirror])], {
    check: false,
    timeoutMs: 900_000,
  })
  if (result.code === 0) return
  const logFile = join(CACHE_DIR, `debootstrap-${suite}.log`)
  await writeFile(logFile, `${result.stdout}\n${result.stderr}`)
  await removeTree(target)
  throw new LabError(`debootstrap of ${suite} failed, see ${logFile}`)
}

/** The mirror that the machine's own apt uses for Debian; undefined: let debootstrap choose. */
async function aptMirror(): Promise<string | undefined> {
  const own = process.env['TSOVERLAY_LAB_MIRROR']
  if (own !== undefined && own !== '') return own
  const format = ['--format', '$(LABEL) $(REPO_URI)']
  const { stdout } = await run(['apt-get', 'indextargets', ...format, 'Created-By: Packages'], {
    check: false,
  })
  const line = stdout.split('\n').find((text) => /^Debian https?:/.test(text))
  return line?.split(' ')[1]
}

async function trim(root: string): Promise<void> {
  for (const directory of ['var/cache/apt/archives', 'var/lib/apt/lists']) {
    const path = join(root, directory)
    if (!existsSync(path)) continue
    for (const name of await readdir(path)) {
      await rm(join(path, name), { recursive: true, force: true })
    }
  }
}
