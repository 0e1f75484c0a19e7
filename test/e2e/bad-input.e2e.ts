/** Each mistake: one clear error that names option, value and what is allowed, and nothing half-made. */
import t, { type Test } from 'tap'
import type { Host } from '../lab/host.js'
import { callPlugin } from '../lab/plugin-call.js'
import { createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { eventually, kernelTraces, storeKeys } from './traces.js'

const VNI = 'com.docker.network.driver.overlay.vxlanid_list'

interface Mistake {
  readonly name: string
  readonly flags: readonly string[]
  readonly says: readonly RegExp[]
}

const NETWORK_MISTAKES: readonly Mistake[] = [
  {
    name: 'an unknown -o key',
    flags: ['--subnet', '10.40.0.0/16', '-o', 'colour=blue'],
    says: [/-o colour is not known/, /allowed are backend, network/],
  },
  {
    name: 'two unknown -o keys',
    flags: ['--subnet', '10.40.0.0/16', '-o', 'colour=blue', '-o', 'size=4'],
    says: [/-o colour, -o size are not known/, /allowed are backend, network/],
  },
  {
    name: 'an unknown backend',
    flags: ['--subnet', '10.40.0.0/16', '-o', 'backend=magic'],
    says: [/backend=magic/, /allowed is overlay/],
  },
  {
    name: 'an unknown --ipam-opt key',
    flags: ['--subnet', '10.40.0.0/16', '--ipam-opt', 'size=4'],
    says: [/--ipam-opt size is not known/, /allowed are network/],
  },
  {
    name: 'a subnet that is too small',
    flags: ['--subnet', '10.40.0.0/31'],
    says: [/10\.40\.0\.0\/31/, /from \/8 to \/30/],
  },
  {
    name: 'a VNI out of range',
    flags: ['--subnet', '10.40.0.0/16', '-o', `${VNI}=16777216`],
    says: [/16777216/, /1 to 16777215/],
  },
  {
    name: 'a VNI that is no number',
    flags: ['--subnet', '10.40.0.0/16', '-o', `${VNI}=abc`],
    says: [/"abc" is not a VNI/],
  },
  {
    name: 'more VNIs than subnets',
    flags: ['--subnet', '10.40.0.0/16', '-o', `${VNI}=300,301`],
    says: [/vxlanid_list=300,301/, /needs 1 VNI/],
  },
  {
    name: 'an MTU above the underlay',
    flags: ['--subnet', '10.40.0.0/16', '-o', 'com.docker.network.driver.mtu=1500'],
    says: [/mtu=1500/, /576 to 1450/],
  },
  {
    name: 'a rendezvous name with a slash',
    flags: ['--subnet', '10.40.0.0/16', '-o', 'network=a/b'],
    says: [/network=a\/b/, /letters, digits/],
  },
  {
    name: 'two rendezvous names',
    flags: ['--subnet', '10.40.0.0/16', '-o', 'network=a', '--ipam-opt', 'network=b'],
    says: [/network=a/, /network=b/],
  },
]

/** What docker says to a network that must not come into being. */
async function refused(host: Host, flags: readonly string[]): Promise<string> {
  const argv = ['network', 'create', '-d', DRIVER, '--ipam-driver', DRIVER, ...flags, 'wrong']
  const { code, stderr } = await host.docker(argv, { check: false })
  return code === 0 ? 'it was created' : stderr
}

t.test('mistakes in network create', async (t) => {
  const lab = await sharedLab(t)
  const host = lab.host(1)
  for (const mistake of NETWORK_MISTAKES) {
    t.test(mistake.name, async (t) => {
      const message = await refused(host, mistake.flags)
      for (const pattern of mistake.says) t.match(message, pattern)
      t.same(
        await eventually(
          () => storeKeys(lab),
          (keys) => keys.length === 0,
        ),
        [],
      )
    })
  }

  t.test('a malformed CIDR is refused by docker itself', async (t) => {
    t.match(await refused(host, ['--subnet', '10.40.0.0/99']), /invalid|CIDR/i)
    t.same(await storeKeys(lab), [])
  })

  t.test('without an IPAM driver that gives a subnet', async (t) => {
    const argv = ['network', 'create', '-d', DRIVER, '--ipam-driver', 'null', 'wrong']
    const { stderr } = await host.docker(argv, { check: false })
    t.match(stderr, /no subnet/)
    t.match(stderr, /--ipam-driver tsoverlay/)
  })
})

t.test('mistakes that meet an existing network', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16', '-o', `${VNI}=777`])
  await runSleeper(one, 'ca', 'blue', ['--ip', '10.20.0.50'])
  const before = (await storeKeys(lab)).sort()

  const unchanged = async (t: Test): Promise<void> => {
    const same = (keys: string[]): boolean => keys.sort().join() === before.join()
    t.same((await eventually(() => storeKeys(lab), same)).sort(), before)
  }

  t.test('a VNI that another network has', async (t) => {
    const message = await refused(two, ['--subnet', '10.40.0.0/16', '-o', `${VNI}=777`])
    t.match(message, /VNI 777 is taken by the network pools:10\.20\.0\.0\/16/)
    await unchanged(t)
  })

  t.test('a subnet that overlaps', async (t) => {
    const message = await refused(two, ['--subnet', '10.20.128.0/17'])
    t.match(message, /10\.20\.128\.0\/17 overlaps 10\.20\.0\.0\/16/)
    t.match(message, /--ipam-opt network=NAME/)
    await unchanged(t)
  })

  t.test('a subnet more than the cluster’s network has', async (t) => {
    const message = await refused(two, ['--subnet', '10.20.0.0/16', '--subnet', '10.21.0.0/16'])
    t.match(message, /belongs to the network pools:10\.20\.0\.0\/16 .*same --subnet flags/)
    await unchanged(t)
  })

  t.test('the same subnet a second time on one host', async (t) => {
    t.match(
      await refused(one, ['--subnet', '10.20.0.0/16']),
      /already used on this host by network/,
    )
    await unchanged(t)
  })

  t.test('other properties than the cluster’s network', async (t) => {
    const message = await refused(two, [
      '--subnet',
      '10.20.0.0/16',
      '--internal',
      '-o',
      `${VNI}=778`,
    ])
    t.match(message, /--internal is false there, not true/)
    t.match(message, /VNI is 777 there, not 778/)
    await unchanged(t)
  })

  t.test('another gateway than the cluster’s network', async (t) => {
    const message = await refused(two, ['--subnet', '10.20.0.0/16', '--gateway', '10.20.0.9'])
    t.match(message, /gateway/i)
    await eventually(
      () => storeKeys(lab),
      (keys) => !keys.some((key) => key.endsWith('/10.20.0.9')),
    )
  })

  const start = async (host: Host, ...flags: string[]): Promise<string> => {
    const argv = ['run', '--rm', '--net', 'blue', ...flags, 'lab', 'true']
    const { code, stderr } = await host.docker(argv, { check: false })
    return code === 0 ? 'it started' : stderr
  }

  t.test('--ip outside the pool', async (t) => {
    t.match(await start(one, '--ip', '10.99.0.9'), /10\.99\.0\.9|no configured subnet/)
  })

  t.test('--ip that a container of this host holds', async (t) => {
    t.match(
      await start(one, '--ip', '10.20.0.50'),
      /10\.20\.0\.50 .*held by a container on this host/,
    )
  })

  t.test('--ip that a container of another host holds', async (t) => {
    await createNetwork(two, 'blue', ['--subnet', '10.20.0.0/16'])
    t.match(
      await start(two, '--ip', '10.20.0.50'),
      /10\.20\.0\.50 .*held by a container on host h1/,
    )
    t.match(await start(two, '--ip', '10.20.0.1'), /10\.20\.0\.1 .*reserved as a gateway/)
    t.match(await start(two, '--ip', '10.20.0.0'), /10\.20\.0\.0 is not usable/)
    t.match(await start(two, '--ip', '10.20.255.255'), /10\.20\.255\.255 is not usable/)
  })

  t.test('leave the running container and the kernel as they were', async (t) => {
    t.equal((await kernelTraces(one)).length, 1)
    t.same(await kernelTraces(two), [])
  })
})

t.test('without --ipam-driver a clash is refused with the flag to use', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) {
    await host.docker(['network', 'create', '-d', DRIVER, '--subnet', '10.50.0.0/24', 'plain'])
  }
  await runSleeper(one, 'ca', 'plain')
  const { code, stderr } = await two.docker(['run', '--rm', '--net', 'plain', 'lab', 'true'], {
    check: false,
  })
  t.not(code, 0)
  t.match(stderr, /held by a container on host h1/)
  t.match(stderr, /--ipam-driver tsoverlay/)
})

t.test('unknown ids in Join are refused by name', async (t) => {
  const lab = await sharedLab(t)
  const host = lab.host(1)
  const call = async (method: string, body: object): Promise<string> => {
    const answer = await callPlugin(host, method, body)
    return `${answer.status} ${answer.body['Err'] ?? 'ok'}`
  }
  const join = {
    NetworkID: 'n'.repeat(64),
    EndpointID: 'e'.repeat(64),
    SandboxKey: '/x',
    Options: {},
  }
  t.match(await call('NetworkDriver.Join', join), /network n+ is not known/)
  await createNetwork(host, 'blue', ['--subnet', '10.20.0.0/16'])
  const id = (await host.docker(['network', 'inspect', '-f', '{{.Id}}', 'blue'])).stdout.trim()
  t.match(await call('NetworkDriver.Join', { ...join, NetworkID: id }), /endpoint e+ is not known/)
  t.match(await call('NetworkDriver.Leave', { NetworkID: 'n', EndpointID: 'e' }), /200 ok/)
})
