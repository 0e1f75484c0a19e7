import t from 'tap'
import { hierarchies, placeInside } from './cgroup.js'

const HYBRID = `25 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
30 29 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:11 - cgroup cgroup rw,cpu,cpuacct
31 29 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset,clone_children
32 29 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
33 29 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
34 99 0:28 / /elsewhere/cpuset rw - cgroup cgroup rw,cpuset
`

t.test('each hierarchy of a hybrid machine is found once, with what mounts it again', async (t) => {
  t.same(hierarchies(HYBRID), [
    { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', version: 1, options: 'cpu,cpuacct' },
    { mountPoint: '/sys/fs/cgroup/cpuset', version: 1, options: 'cpuset' },
    { mountPoint: '/sys/fs/cgroup/systemd', version: 1, options: 'none,name=systemd' },
    { mountPoint: '/sys/fs/cgroup/unified', version: 2, options: '' },
  ])
  t.same(hierarchies(HYBRID).map(placeInside), ['cpu,cpuacct', 'cpuset', 'systemd', 'unified'])
})

t.test('a v2 machine has one hierarchy, at the top', async (t) => {
  const found = hierarchies('30 29 0:27 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n')
  t.same(found, [{ mountPoint: '/sys/fs/cgroup', version: 2, options: '' }])
  t.same(found.map(placeInside), [''])
})
