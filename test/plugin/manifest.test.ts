import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseConfig } from '../../src/core/config.js'

interface Manifest {
  readonly entrypoint: readonly string[]
  readonly interface: { readonly types: readonly string[]; readonly socket: string }
  readonly network: { readonly type: string }
  readonly pidhost: boolean
  readonly propagatedMount: string
  readonly mounts: readonly {
    readonly name: string
    readonly source: string
    readonly destination: string
    readonly options: readonly string[]
    readonly settable?: readonly string[]
  }[]
  readonly env: readonly {
    readonly name: string
    readonly description: string
    readonly value: string
    readonly settable: readonly string[]
  }[]
  readonly linux: { readonly capabilities: readonly string[] }
}

const manifest = JSON.parse(
  readFileSync(new URL('../../config.json', import.meta.url), 'utf8'),
) as Manifest

/** What is for the C library and not for us. */
const NOT_OURS: readonly string[] = ['MALLOC_ARENA_MAX']
const settings = manifest.env.filter(({ name }) => !NOT_OURS.includes(name))

/** The names that parseConfig asks its environment for. */
function settingsRead(): string[] {
  const asked = new Set<string>()
  parseConfig(
    new Proxy<Record<string, string | undefined>>(
      {},
      {
        get: (_, name) => {
          asked.add(String(name))
          return undefined
        },
      },
    ),
  )
  return [...asked]
}

t.test('every setting that the program reads is in the manifest, and no other', async (t) => {
  const offered = settings.map(({ name }) => name)
  t.same([...offered].sort(), settingsRead().sort())
  t.equal(new Set(offered).size, offered.length, 'none is there twice')
})

t.test(
  'docker plugin set may change the value of every setting, and the user reads what it is for',
  async (t) => {
    for (const { name, settable, description } of manifest.env) {
      t.same(settable, ['value'], name)
      t.not(description, '', name)
    }
  },
)

t.test('the values in the manifest are the defaults of the program', async (t) => {
  const env = Object.fromEntries(manifest.env.map(({ name, value }) => [name, value]))
  t.same(parseConfig(env), parseConfig({}))
})

t.test(
  'dockerd learns from the manifest that the plugin is a network driver and an IPAM driver',
  async (t) => {
    t.same(manifest.interface.types, ['docker.networkdriver/1.0', 'docker.ipamdriver/1.0'])
    t.equal(manifest.interface.socket, 'tsoverlay.sock')
    t.equal(manifest.network.type, 'host')
    t.equal(manifest.pidhost, true)
  },
)

t.test('the plugin asks for three capabilities and no more', async (t) => {
  t.same(manifest.linux.capabilities, ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN', 'CAP_NET_RAW'])
})

t.test(
  'sandboxes survive the plugin: /run is shared with the host and the root mount propagates',
  async (t) => {
    t.equal(manifest.propagatedMount, '/data')
    const run = manifest.mounts.find(({ name }) => name === 'run')
    t.match(run, { source: '/run', destination: '/host/run', options: ['rbind', 'rshared'] })
  },
)

t.test('the mount for certificates is read-only, and the user chooses its folder', async (t) => {
  const certs = manifest.mounts.find(({ name }) => name === 'certs')
  t.match(certs, { destination: '/certs', options: ['rbind', 'ro'], settable: ['source'] })
})

t.test('no mount covers a folder that dockerd mounts itself', async (t) => {
  for (const { destination } of manifest.mounts) {
    t.notMatch(destination, /^\/(run|proc|sys|dev|data|app)(\/|$)/)
  }
})
