import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './exec.js'
import { CACHE_DIR, LabError, type Log } from './names.js'
import { exclusively } from './state.js'

const PACKAGES = [
  'docker.io',
  'iptables',
  'iproute2',
  'bridge-utils',
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
/**
 * Up to bookworm docker.io has the client in it, and docker-compose is the former one, in Python;
 * later the client is a package of its own, and docker-compose a plugin of it (64 MB).
 */
const CLIENT_INSIDE = new Set(['buster', 'bullseye', 'bookworm'])
const CLIENT = ['docker-cli', 'docker-compose']
/** Inside the root: the package list that it was made from. Its age tells when it was last used. */
const STAMP = 'etc/tsolab-packages'
const BOOTSTRAP_MS = 900_000
/** A root that no lab was made of for so long goes when another one is made. */
const KEEP_MS = 7 * 24 * 3_600_000

export const DEFAULT_SUITE = process.env['TSOVERLAY_LAB_SUITE'] ?? 'trixie'

/**
 * A Debian root with Docker and etcd in it, bootstrapped if the cache has none with this very
 * package list. Its name tells the list, as other checkouts may have other ones. It is made under a
 * temporary name, so that what has the right name is complete.
 * @returns its path. Only to be used as the lower layer of an overlayfs.
 * @throws LabError if debootstrap fails; its log stays in the cache.
 */
export async function ensureRoot(suite: string, log: Log): Promise<string> {
  if (!/^[a-z]+$/.test(suite)) throw new LabError(`suite ${suite} is not a Debian suite's name`)
  const packages = CLIENT_INSIDE.has(suite) ? PACKAGES : [...PACKAGES, ...CLIENT]
  const wanted = `${suite} ${packages.join(' ')}\n`
  const hash = createHash('sha256').update(wanted).digest('hex').slice(0, 8)
  const root = join(CACHE_DIR, `root-${suite}-${hash}`)
  if (!existsSync(root)) {
    await mkdir(CACHE_DIR, { recursive: true })
    // A minute is not enough to wait for another lab that bootstraps.
    await exclusively(() => make(suite, packages, root, log), CACHE_DIR, BOOTSTRAP_MS)
  }
  await utimes(join(root, STAMP), new Date(), new Date())
  return root
}

async function make(suite: string, packages: readonly string[], root: string, log: Log) {
  if (existsSync(root)) return
  log(`bootstrapping Debian ${suite} with Docker into ${root} (once, about a minute)`)
  await removeUnfinished()
  await removeUnused()
  const temporary = `${root}.${process.pid}`
  await bootstrap(suite, packages, temporary)
  await trim(temporary)
  await writeFile(join(temporary, STAMP), `${suite} ${packages.join(' ')}\n`)
  await rename(temporary, root)
}

/** What an interrupted bootstrap has left; only one at a time runs, under the cache's mutex. */
async function removeUnfinished(): Promise<void> {
  const names = (await readdir(CACHE_DIR)).filter((name) =>
    /^root-[a-z]+(-[0-9a-f]{8})?\.\d+$/.test(name),
  )
  for (const name of names) await removeTree(join(CACHE_DIR, name))
}

async function removeUnused(): Promise<void> {
  const names = (await readdir(CACHE_DIR)).filter((name) =>
    /^root-[a-z]+(-[0-9a-f]{8})?$/.test(name),
  )
  for (const name of names) {
    const used = await stat(join(CACHE_DIR, name, STAMP)).catch(() => undefined)
    if (Date.now() - (used?.mtimeMs ?? 0) > KEEP_MS) await removeTree(join(CACHE_DIR, name))
  }
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
    timeoutMs: BOOTSTRAP_MS,
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
