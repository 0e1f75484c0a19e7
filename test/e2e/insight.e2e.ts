/** `netns`, `links`, and entries beside what they should be, as people type them on a host. */
import t from 'tap'
import type { EntriesReport } from '../../src/core/admin/entries.js'
import type { LinksReport, NamespaceReport } from '../../src/core/admin/kernel.js'
import type { Host } from '../lab/host.js'
import { createNetwork, inSandbox, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { routed } from './routed-tables.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const CLI = '/run/tsoverlay/cli'
const TABLES = ['fdb', 'neigh', 'routes', 'rules'] as const

const cli = (host: Host, ...argv: string[]) => host.sh([CLI, ...argv], { check: false })
/** A line as people type it; `tsoverlay` is the launcher. */
const typed = (host: Host, line: string) =>
  host.sh(['bash', '-c', `tsoverlay() { ${CLI} "$@"; }; ${line}`], { check: false })

t.test('what a host’s kernel has', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) {
    await createNetwork(host, 'blue', ['--subnet', '10.20.0.0/16'])
    await createNetwork(host, 'green', routed('host-gw', '10.32.0.0/16'))
    await runSleeper(host, 'web', 'blue')
    await runSleeper(host, 'gate', 'green')
  }
  await runSleeper(one, 'weber', 'blue')

  t.test('netns tells whose each namespace is', async (t) => {
    const all = JSON.parse((await cli(one, 'netns', '--json')).stdout) as NamespaceReport[]
    const files = (await one.sh(['ls', '/run/docker/netns'])).stdout.split('\n').filter(Boolean)
    t.strictSame(
      all.flatMap(({ name, aliases }) => [name, ...aliases]).sort(),
      ['host', ...files].sort(),
    )
    const owners = new Map(all.map(({ owner, kind }) => [owner, kind]))
    t.notOk(all.some(({ kind }) => ['stale', 'unknown'].includes(kind)))
    for (const name of ['web', 'weber', 'gate']) t.equal(owners.get(name), 'container')
    t.equal(owners.get('network blue'), 'network')
    t.match((await cli(one, 'netns')).stdout, /^1-\S+ +network +network blue +blue +\d+$/m)
    t.match((await cli(one, 'netns', 'web')).stdout, /^\d+ +eth0 +veth +up .* 10\.20\./m)
  })

  t.test('netns runs a program as if it were there', async (t) => {
    const key = "docker inspect -f '{{.NetworkSettings.SandboxKey}}' web"
    const inode = await typed(one, `stat -Lc %i $(${key})`)
    const own = await typed(one, 'tsoverlay netns web stat -Lc %i /proc/self/ns/net')
    t.equal(own.stdout, inode.stdout)
    for (const name of [
      '$(docker ps -q -f name=^web$)',
      `$(basename $(${key}))`,
      'weber',
      'blue',
    ]) {
      t.equal((await typed(one, `tsoverlay netns ${name} ip link show lo`)).code, 0, name)
    }
    const codes = [
      ["tsoverlay netns web sh -c 'exit 42'", 42],
      ['tsoverlay netns web no-such-command', 127],
      ['tsoverlay netns web /etc/passwd', 126],
      ["tsoverlay netns web sh -c 'kill -TERM $$'", 143],
      ['tsoverlay netns nowhere ip link', 1],
      ['tsoverlay netns "" ip link', 1],
    ] as const
    for (const [line, code] of codes) t.equal((await typed(one, line)).code, code, line)
    const missing = await typed(one, 'tsoverlay netns nowhere ip link')
    t.equal(
      missing.stderr,
      "tsoverlay: Cannot open network namespace 'nowhere': No such file or directory\n",
    )
  })

  t.test('its input, output, files and signals are as they were given', async (t) => {
    t.equal((await typed(one, 'echo hello | tsoverlay netns web cat')).stdout, 'hello\n')
    // SIGPIPE ends it, and a slow reader is waited for
    const pipe = await typed(one, 'tsoverlay netns web yes | head -1; echo $PIPESTATUS')
    t.equal(pipe.stdout, 'y\n141\n')
    const slow = 'tsoverlay netns web seq 100000 | (sleep 1; tail -1)'
    t.match(await typed(one, slow), { stdout: '100000\n', stderr: '' })
    const signals = 'grep -E "^Sig(Ign|Blk)" /proc/self/status; ulimit -Sn; ulimit -Hn'
    const plain = await typed(one, `ulimit -Sn 300; bash -c '${signals}'`)
    const there = await typed(one, `ulimit -Sn 300; tsoverlay netns web bash -c '${signals}'`)
    t.equal(there.stdout, plain.stdout)
    const files = await typed(one, 'exec 7</etc/hostname; tsoverlay netns web cat /proc/self/fd/7')
    t.equal(files.code, 0)
    const options = 'NODE_OPTIONS=--no-warnings; export NODE_OPTIONS'
    const kept = await typed(one, `${options}; tsoverlay netns web printenv NODE_OPTIONS`)
    t.equal(kept.stdout, '--no-warnings\n')
    const terminal = `script -qec "${CLI} netns web sh -c 'test -t 0 && test -t 1'" /dev/null`
    t.equal((await typed(one, terminal)).code, 0, 'its terminal is the one of who typed')
  })

  t.test('the beginning of several names is told with the candidates', async (t) => {
    const web = (await one.docker(['ps', '-q', '--no-trunc', '-f', 'name=^web$'])).stdout.trim()
    t.equal((await cli(one, 'netns', web.slice(0, 12), 'true')).code, 0)
    const none = await cli(one, 'fdb', 'purple')
    t.equal(none.code, 1)
    t.match(
      none.stderr,
      /^tsoverlay: this host has no network "purple" of tsoverlay; it has blue \(\S+\), green \(\S+\)\n$/,
    )
  })

  t.test('links finds every match, and the true other end', async (t) => {
    const sandbox = await sandboxOf(one, 'blue')
    const { links } = JSON.parse((await cli(one, 'links', '--json')).stdout) as LinksReport
    for (const name of ['web', 'weber']) {
      const eth0 = links.find((link) => link.owner === name && link.name === 'eth0')
      const fdb = await inSandbox(one, sandbox, ['bridge', 'fdb', 'show', 'br', 'br0'])
      const port = new RegExp(`^${eth0?.mac} dev (\\S+) master br0 .*static`, 'm').exec(fdb)?.[1]
      t.match(eth0?.peer, { namespace: sandbox, name: port }, name)
    }
    const found = JSON.parse((await cli(one, 'links', '1', '--json')).stdout) as LinksReport
    const spaces = JSON.parse((await cli(one, 'netns', '--json')).stdout) as NamespaceReport[]
    t.equal(found.links.length, spaces.length, 'lo is the first link of each')
    t.equal((await cli(one, 'links', 'nothing0')).code, 1)
  })

  t.test('links --tree shows the way to the other hosts', async (t) => {
    const tree = await eventually(
      async () => (await cli(one, 'links', '--tree', 'web')).stdout,
      (text) => text.includes(' h2: '),
    )
    t.match(
      tree,
      /^web .*\n.* eth0 \(\d+\) {2}10\.20\..*\n.* veth\w+ \(\d+\) {2}port of br0 .*network blue\n.* br0 \(\d+\) .*\n.* vxlan0 \(\d+\) {2}VNI \d+, UDP 4789 from 10\.\d+\.0\.1\n.* 10\.\d+\.0\.2 {2}h2: /,
    )
    const gate = (await cli(one, 'links', '--tree', 'gate')).stdout
    t.match(
      gate,
      / tsp-\S+ \(\d+\) {2}port of tsb-\S+ .*network green\n.* tsb-.*\n.*10\.\d+\.0\.2 {2}h2: 10\.32\./,
    )
  })

  t.test('entries are beside what they should be', async (t) => {
    for (const network of ['blue', 'green']) {
      for (const table of TABLES) {
        const { code, stdout, stderr } = await cli(one, table, network)
        t.equal(code, 0, `${table} ${network}\n${stdout}${stderr}`)
        t.match(stdout, /as of revision \d+ of the store$/m)
        t.match(stdout, /^all as it should be/m)
      }
    }
    const fdb = JSON.parse((await cli(one, 'fdb', 'blue', '--json')).stdout) as EntriesReport
    t.ok(fdb.rows.some(({ value, mark }) => value === `to ${two.address}` && mark === 'ok'))
    const routes = JSON.parse((await cli(one, 'routes', 'green', '--json')).stdout) as EntriesReport
    t.ok(routes.rows.some(({ value, mark }) => value === `via ${two.address}` && mark === 'ok'))
  })

  t.test('what nobody of ours wants is marked, and is exit code 3', async (t) => {
    const sandbox = await sandboxOf(one, 'blue')
    const { stdout } = await one.sh(['ip', '-br', 'link', 'show', 'type', 'bridge'])
    const bridge = /^tsb-\S+/m.exec(stdout)?.[0] ?? ''
    const changes = [
      {
        verb: ['routes', 'green'],
        make: () => one.sh(['ip', 'route', 'add', '10.32.0.99/32', 'via', two.address]),
        undo: () => one.sh(['ip', 'route', 'del', '10.32.0.99/32']),
        says: /^host +eth0 +10\.32\.0\.99\/32 +via \S+, made by boot +not ours$/m,
      },
      {
        verb: ['routes', 'blue'],
        make: () => inSandbox(one, sandbox, ['ip', 'route', 'add', '10.98.0.0/16', 'dev', 'br0']),
        undo: () => inSandbox(one, sandbox, ['ip', 'route', 'del', '10.98.0.0/16']),
        says: /^1-\S+ +br0 +10\.98\.0\.0\/16 +on the link, made by boot +not ours$/m,
      },
      {
        verb: ['neigh', 'green'],
        make: () =>
          one.sh(`ip neigh add 10.32.0.98 lladdr 02:00:00:00:00:98 dev ${bridge}`.split(' ')),
        undo: () => one.sh(`ip neigh del 10.32.0.98 dev ${bridge}`.split(' ')),
        says: /^host +tsb-\S+ +10\.32\.0\.98 +02:00:00:00:00:98 permanent +not ours$/m,
      },
    ]
    for (const { verb, make, undo, says } of changes) {
      await make()
      const found = await cli(one, ...verb)
      t.equal(found.code, 3, verb.join(' '))
      t.match(found.stdout, says)
      t.match(found.stdout, /^1 of \d+ is not as they should be/m)
      await undo()
      t.equal((await cli(one, ...verb)).code, 0)
    }
  })
})
