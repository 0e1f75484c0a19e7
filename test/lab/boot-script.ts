import type { Hierarchy } from './cgroup.js'
import { placeInside } from './cgroup.js'
import { INSIDE_DIR } from './names.js'
import type { Kind } from './spec.js'

export interface BootPlan {
  readonly name: string
  readonly index: number
  /** Lower layer: the bootstrapped root. */
  readonly root: string
  /** Directory of the machine: upper, work, root, disk. */
  readonly directory: string
  /** Where its disk (not on overlayfs, which overlay2 cannot sit on) is mounted. */
  readonly diskAt: string
  /** Seen read-only as /shared. */
  readonly share: string
  readonly hierarchies: readonly Hierarchy[]
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/**
 * What the machine's first process does, in fresh mount, pid, uts, ipc and cgroup namespaces and
 * the network namespace made for it: builds its file tree from overlayfs over the common root and
 * becomes its init. Of the outside nothing stays visible but /shared, /dev and /lib/modules.
 */
export function bootScript(plan: BootPlan): string {
  const { name, root, directory, diskAt, share } = plan
  const at = (path: string) => quote(`${directory}/${path}`)
  const tree = (path: string) => at(`root${path}`)
  return `set -eu
# /proc is the outside's still, so this is the pid that the outside knows.
read -r pid _ </proc/self/stat
echo "$pid" >${at('init.pid.new')}
mv ${at('init.pid.new')} ${at('init.pid')}
echo ${name} >/proc/sys/kernel/hostname
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=${quote(root)},upperdir=${at('upper')},workdir=${at('work')} ${at('root')}
mkdir -p ${[diskAt, '/oldroot', '/shared', '/lib/modules'].map(tree).join(' ')}
mount --bind ${at('disk')} ${tree(diskAt)}
mount --bind ${quote(share)} ${tree('/shared')}
mount -o remount,bind,ro ${tree('/shared')}
[ ! -d /lib/modules ] || mount --bind -o ro /lib/modules ${tree('/lib/modules')}
mount --rbind /dev ${tree('/dev')}
mount -t proc proc ${tree('/proc')}
mount -t sysfs sysfs ${tree('/sys')}
${cgroupMounts(plan.hierarchies, tree('/sys/fs/cgroup'))}
mount -t tmpfs -o mode=755 tmpfs ${tree('/run')}
mount -t tmpfs tmpfs ${tree('/tmp')}
mkdir -p ${tree('/run/lock')}
cd ${at('root')}
pivot_root . oldroot
umount -l /oldroot
mount --make-rshared /    # as systemd has it: a plugin's mounts can propagate
exec /bin/bash ${INSIDE_DIR}/init.sh
`
}

/** The namespace's own cgroups, freshly mounted, so that they begin at the machine's. */
function cgroupMounts(hierarchies: readonly Hierarchy[], at: string): string {
  const lines: string[] = []
  if (hierarchies.some((one) => placeInside(one) !== '')) {
    lines.push(`mount -t tmpfs -o mode=755 tmpfs ${at}`)
  }
  for (const one of hierarchies) {
    const place = placeInside(one)
    const path = place === '' ? at : `${at}/${quote(place)}`
    if (place !== '') lines.push(`mkdir -p ${path}`)
    lines.push(
      one.version === 2
        ? `mount -t cgroup2 cgroup2 ${path}`
        : `mount -t cgroup -o ${quote(one.options)} cgroup ${path}`,
    )
    if (one.version === 2) lines.push(delegateV2(path))
  }
  return lines.join('\n')
}

/** In v2 a cgroup that has processes of its own cannot hand controllers down (cgroups(7)). */
function delegateV2(path: string): string {
  return `mkdir -p ${path}/init
echo 0 >${path}/init/cgroup.procs    # 0: the writer itself
for c in $(cat ${path}/cgroup.controllers); do echo "+$c" >${path}/cgroup.subtree_control || true; done`
}

/**
 * The machine's pid 1: starts the service, reaps what is left to it, outlives the service, and
 * starts it again when the word `start` comes through its pipe.
 */
export const INIT_SCRIPT = `mkfifo /run/init.pipe
exec 3<>/run/init.pipe
start() {
  setsid bash ${INSIDE_DIR}/service.sh >>/var/log/service.log 2>&1 3>&- &
  echo $! >/run/service.pid
}
start
mv /run/init.pipe /run/init
while read -r word <&3; do
  [ "$word" != start ] || start
done
`

interface ServiceScript {
  /** Its process's name. */
  readonly command: string
  /** Where the machine's disk is. */
  readonly diskAt: string
  /** What starts it, on the machine's address. */
  readonly script: (address: string) => string
}

/** A router has its kernel, a client nothing; a service there is as a machine has one. */
const IDLE: ServiceScript = {
  command: 'sleep',
  diskAt: '/srv',
  script: () => 'exec sleep infinity\n',
}

/** dockerd on its socket, and without TLS on the underlay address for clients outside. */
const DOCKERD: ServiceScript = {
  command: 'dockerd',
  diskAt: '/var/lib/docker',
  script: (
    address,
  ) => `exec dockerd -H unix:///run/docker.sock -H tcp://${address}:2375 --tls=false \\
  $(cat ${INSIDE_DIR}/service.args)
`,
}

const ETCD: ServiceScript = {
  command: 'etcd',
  diskAt: '/var/lib/etcd',
  script: (address) => {
    const url = `http://${address}:2379`
    return `exec etcd --name lab --data-dir /var/lib/etcd/data --logger zap \\
  --listen-client-urls ${url},http://127.0.0.1:2379 --advertise-client-urls ${url} \\
  $(cat ${INSIDE_DIR}/service.args)
`
  },
}

export const SERVICES: Readonly<Record<Kind, ServiceScript>> = {
  host: DOCKERD,
  etcd: ETCD,
  router: IDLE,
  client: IDLE,
}

/** A name server that refuses at once, so that no look-up waits for one that cannot be reached. */
export const resolvConf = (gateway: string): string =>
  `nameserver ${gateway}\noptions timeout:1 attempts:1\n`
