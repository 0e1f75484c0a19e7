/**
 * The plugin's root file system, put together from the machine's own node, its libraries and the
 * etcd of a Debian package. It holds no shell and no package manager.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle } from './bundle.js'
import { unpackPackage } from './debian.js'
import { installLibraries, strip } from './elf.js'
import { installNativePackages, NATIVE_PACKAGES } from './native-packages.js'
import { run } from './run.js'

export interface RootfsOptions {
  readonly project: string
  readonly rootfs: string
  /** where downloaded packages are kept between builds */
  readonly cache: string
  readonly report: (line: string) => void
}

/** Mount points that runc and dockerd need, `/data` (config.json propagatedMount) and `/tmp`. */
const FOLDERS = [
  'app',
  'certs',
  'data',
  'dev',
  'etc',
  'host/run',
  'proc',
  'run/docker/plugins',
  'sys',
  'tmp',
  'usr/bin',
]

/**
 * dockerd mounts the host's resolv.conf and hosts over the empty files. A host name in STORE is
 * looked up by glibc, which has the `files` and `dns` services inside since 2.34.
 */
const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/data:/sbin/nologin\n',
  'etc/group': 'root:x:0:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  'etc/resolv.conf': '',
}

/** Builds the rootfs anew. Everything is done in about three seconds once etcd is in the cache. */
export async function buildRootfs(options: RootfsOptions): Promise<void> {
  const { project, rootfs, cache, report } = options
  rmSync(rootfs, { recursive: true, force: true })
  for (const folder of FOLDERS) mkdirSync(join(rootfs, folder), { recursive: true })
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(rootfs, path), text)
  chmodSync(join(rootfs, 'tmp'), 0o1777)

  report('bundling the program')
  await bundle({ project, folder: join(rootfs, 'app') })
  const addons = installNativePackages(
    join(project, 'node_modules'),
    join(rootfs, 'app/node_modules'),
  )

  report(`copying node ${process.version}`)
  const node = installProgram(process.execPath, join(rootfs, 'usr/bin/node'))
  if (!strip(node)) report('strip is not installed (binutils): node keeps its debug symbols')

  const etcd = unpackPackage('etcd-server', cache, report)
  report(`adding etcd from ${etcd.file}`)
  installProgram(join(etcd.folder, 'usr/bin/etcd'), join(rootfs, 'usr/bin/etcd'))
  const copyright = 'usr/share/doc/etcd-server/copyright'
  mkdirSync(join(rootfs, dirname(copyright)), { recursive: true })
  copyFileSync(join(etcd.folder, copyright), join(rootfs, copyright))

  report('copying shared libraries')
  installLibraries(rootfs, [process.execPath, join(rootfs, 'usr/bin/etcd'), ...addons])
  report('checking that node, the native packages and etcd start in the rootfs')
  check(rootfs)
  report('keeping what V8 compiles of the program')
  compile(project, rootfs)
}

/**
 * Needs root, for chroot. Here and not on a host is where a missing file should show: a node that
 * keeps parts of itself in /usr/share, as some distributions build it, or a library of its own.
 * @throws Error with what the program printed
 */
function check(rootfs: string): void {
  const load = NATIVE_PACKAGES.map((name) => `require('/app/node_modules/${name}')`).join(';')
  run('chroot', [rootfs, '/usr/bin/node', '--check', '/app/main.js'])
  run('chroot', [rootfs, '/usr/bin/node', '/app/cli.cjs', '--help'])
  run('chroot', [rootfs, '/usr/bin/node', '-e', load])
  run('chroot', [rootfs, '/usr/bin/etcd', '--version'])
}

/** One that goes through all of the CLI's start, and needs no plugin. */
const ANY_VERB = ['__complete', '--', 'endpoints', '']

/** By the very node and with the flags that the plugin runs with: V8 takes no other cache. */
function compile(project: string, rootfs: string): void {
  const manifest = JSON.parse(readFileSync(join(project, 'config.json'), 'utf8')) as Manifest
  run('chroot', [rootfs, ...manifest.entrypoint, '--compile'])
  // Without the flags, as the launcher runs it (src/admin/launcher.ts).
  run('chroot', [rootfs, '/usr/bin/node', '/app/cli.cjs', '--keep-cache', ...ANY_VERB])
}

interface Manifest {
  readonly entrypoint: readonly string[]
}

function installProgram(source: string, target: string): string {
  copyFileSync(realpathSync(source), target)
  chmodSync(target, 0o755)
  return target
}
