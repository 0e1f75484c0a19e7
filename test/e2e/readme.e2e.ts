/**
 * Every command of the README that is typed on a host, on three of them, in its order. What the lab cannot have is put in its
 * place: the plugin's folder, etcd's address, and images of the same names.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { PLUGIN } from '../lab/tsoverlay.js'
import { type Piece, piecesOf } from './console.js'
import { countOf } from './synced.js'
import { eventually } from './traces.js'

const FOLDER = '/srv/readme'
/** What they do for the test: nginx serves a page at port 80, postgres only runs, busybox is busybox. */
const IMAGES = {
  nginx: 'CMD ["httpd","-f","-p","80","-h","/www"]',
  postgres: 'CMD ["sleep","3600"]',
  busybox: 'CMD ["sh"]',
}
const PAGE = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

async function prepare(host: Host): Promise<void> {
  await host.sh(['mkdir', '-p', FOLDER, '/www'])
  for (const [name, change] of Object.entries(IMAGES)) {
    const script = `id=$(docker create lab) && docker export $id | docker import -c '${change}' - ${name} && docker rm $id`
    await host.sh(['sh', '-c', script])
  }
}

function onHost(host: Host, line: string) {
  return host.sh(['sh', '-c', `cd ${FOLDER} && ${line}`], { timeoutMs: 120_000, check: false })
}

/** Waits where a person would: until what the command before has made is there. */
async function awaitWhatItNeeds(lab: Lab, line: string): Promise<void> {
  const needs = { '--net blue': 'blue', 'inspect blue': 'blue', 'up -d db': 'shop_default' }
  for (const [part, network] of Object.entries(needs)) {
    if (!line.includes(part)) continue
    await eventually(
      () => countOf(lab.hosts, network),
      (count) => count === lab.hosts.length,
    )
  }
  if (!line.includes('host rm h3')) return
  await lab.host(3).powerOff()
  await eventually(
    async () => (await lab.host(1).sh(['tsoverlay', 'hosts', '--json'])).stdout,
    (text) => text.includes('"alive":false') || text.includes('"alive": false'),
    40_000,
  )
}

t.test('each command that is typed on a host', async (t) => {
  const lab = await Lab.up({ hosts: 3, etcd: true, log: (line) => t.comment(line) })
  t.teardown(() => lab.down())
  await Promise.all(lab.hosts.map(prepare))
  const placed = PAGE.replace('http://10.0.0.10:2379', lab.etcd.endpoint).replace(
    /tsoverlay build\/plugin/g,
    'tsoverlay /shared/plugin',
  )
  let count = 0
  for (const piece of piecesOf(placed)) {
    if (piece.do === 'write') {
      for (const host of lab.hosts)
        await host.sh(['sh', '-c', `cat >${FOLDER}/${piece.file}`], { input: piece.text })
      continue
    }
    const hosts = hostsOf(lab, piece)
    await awaitWhatItNeeds(lab, piece.line)
    const results = await Promise.all(hosts.map((host) => onHost(host, piece.line)))
    for (const { code, stderr, stdout } of results) {
      count += 1
      t.equal(code, 0, `${piece.host ?? ''}$ ${piece.line}`, { stdout, stderr })
    }
  }
  t.ok(count > 20, `${count} commands`)
})

/** "The same on h2, h3": what installs the plugin. */
function hostsOf(lab: Lab, piece: Extract<Piece, { do: 'run' }>): readonly Host[] {
  if (piece.host === undefined) return []
  if (piece.line.startsWith('docker plugin') && piece.line.includes(PLUGIN)) return lab.hosts
  return lab.hosts.filter(({ name }) => name === piece.host)
}
