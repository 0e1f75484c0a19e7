/** The lab itself, before anything of the plugin: what other e2e tests take for granted. */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { labProcesses } from '../lab/cgroup.js'
import { expectNoPing, expectPing, fetchPage, pingAll } from '../lab/conncheck.js'
import { dump, dumpOnFailure } from '../lab/diagnostics.js'
import { run } from '../lab/exec.js'
import { Lab } from '../lab/lab.js'
import { leftovers } from '../lab/leftovers.js'
import { address6Of, BRIDGE, LAB_NUMBER, STATE_DIR } from '../lab/names.js'

/** What another lab has, which may come and go meanwhile. */
function isOthers(line: string): boolean {
  const own = new RegExp(`${BRIDGE.replace(/0$/, '')}[\\d-]|^${STATE_DIR}(/|$)`)
  return /tsolab|\/tmp\/tsoverlay-lab/.test(line) && !own.test(line)
}

/** Mounts, rules and links of the machine as a whole, for comparing before with after. */
async function machineState(): Promise<string[]> {
  const { stdout: rules } = await run(['iptables', '-S', 'FORWARD'])
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const all = [...mounts.map((line) => line.split(' ')[4] ?? ''), ...rules.split('\n')]
  return all.filter((line) => !isOthers(line)).sort()
}

if (process.geteuid?.() !== 0) {
  t.plan(0, 'needs root')
  process.exit()
}
// Bringing labs up and down takes longer than tap's 30 s for a file run by hand.
t.setTimeout(300_000)

await Lab.down()
const before = await machineState()
const lab = await Lab.up({ hosts: 2, etcd: true, log: (line) => t.comment(line) })
t.teardown(() => lab.down())
dumpOnFailure(t, () => lab)
const [h1, h2] = [lab.host(1), lab.host(2)]
/** Another process is about the same lab. */
const env = { TSOVERLAY_LAB: `${LAB_NUMBER}` }

t.test('hosts have an address, a name and a machine id of their own', async (t) => {
  const seen = await Promise.all(
    lab.hosts.map(async (host) => {
      const cat = 'hostname; cat /etc/machine-id; ip -br -4 addr show eth0'
      return (await host.sh(['sh', '-c', cat])).stdout.split('\n')
    }),
  )
  t.match(seen[0], ['h1', /^[0-9a-f]{32}$/, ` ${h1.address}/24 `])
  t.match(seen[1], ['h2', /^[0-9a-f]{32}$/, ` ${h2.address}/24 `])
  t.not(seen[0]?.[1], seen[1]?.[1])
})

t.test('a second lab is refused while this one is up', async (t) => {
  await t.rejects(Lab.up({ hosts: 1 }), { message: /^a lab is up already \(h1, h2, etcd/ })
})

t.test('a command that fails or takes too long says so', async (t) => {
  await t.rejects(h1.sh(['ls', '/nowhere']), { message: /^h1: .*\/nowhere.* ended with 2/s })
  await t.rejects(h1.sh(['sleep', '20'], { timeoutMs: 300 }), { message: /not done after 300/ })
  t.match(await h1.sh(['sh', '-c', 'cat; exit 3'], { check: false, input: 'in' }), {
    code: 3,
    stdout: 'in',
  })
})

t.test('hosts reach each other and the store', async () => {
  await h1.sh(['ping', '-c', '1', '-W', '2', h2.address])
  await h2.sh(['ping', '-6', '-c', '1', '-W', '2', address6Of(1)])
  await h2.sh(['etcdctl', '--endpoints', lab.etcd.endpoint, 'put', 'seen', 'by-h2'])
})

t.test('containers run on the default bridge and serve pages', async (t) => {
  const serve = 'hostname >/www/index.html; exec httpd -f -h /www'
  // A container's first process takes no SIGTERM that it has not asked for.
  const run = ['run', '-d', '--stop-timeout', '1', '--name']
  await h1.docker([...run, 'web', '--hostname', 'page', 'lab', 'sh', '-c', serve])
  await h1.docker([...run, 'client', 'lab', 'sleep', '1000'])
  const format = '{{.NetworkSettings.IPAddress}}'
  const { stdout } = await h1.docker(['inspect', '-f', format, 'web'])
  const address = stdout.trim()
  await expectPing(h1, 'client', address)
  t.equal(await fetchPage(h1, 'client', `http://${address}/`), 'page\n')
  await pingAll([{ from: h1, container: 'client', to: h2.address }])
  await t.rejects(expectNoPing(h1, 'client', address), { message: /should not: h1\/client/ })
})

t.test('a cut cable parts a host from the others until it is healed', async (t) => {
  await h2.cut()
  await expectNoPing(h1, 'client', h2.address)
  t.equal((await h2.sh(['cat', '/sys/class/net/eth0/carrier'])).stdout, '0\n')
  t.ok((await h2.docker(['version'])).stdout, 'it can still be looked into')
  await h2.heal()
  await expectPing(h1, 'client', h2.address)
})

t.test('containers outlive a killed dockerd', async (t) => {
  const started = async () =>
    (await h1.docker(['inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'client'])).stdout
  const before = await started()
  await h1.dockerd.stop()
  t.notOk(await h1.dockerd.isRunning())
  await h1.dockerd.start(['--live-restore'])
  await h1.docker(['start', 'client'])
  const running = await started()
  t.not(running, before, 'stop took it along')
  await h1.dockerd.kill()
  await h1.sh(['kill', '-0', running.split(' ')[0] ?? ''])
  await h1.dockerd.start()
  t.equal(await started(), running)
})

t.test('power loss ends every process and keeps the disk', async (t) => {
  await h1.sh(['sh', '-c', 'echo kept >/root/file; echo lost >/run/file; hostname >/etc/mine'])
  await h1.docker(['network', 'create', 'kept'])
  const pid = h1.initPid
  await h1.powerOff()
  t.throws(() => readFileSync(`/proc/${pid}/stat`))
  await t.rejects(h1.sh(['true']), { message: 'h1 is powered off' })
  await t.rejects(h1.docker(['ps']), { message: 'h1 is powered off' })
  await h1.boot()
  t.equal((await h1.sh(['cat', '/root/file', '/etc/mine'])).stdout, 'kept\nh1\n')
  t.equal((await h1.sh(['ls', '/run/file'], { check: false })).code, 2)
  t.match((await h1.docker(['ps', '-a'])).stdout, /Exited .* client/)
  t.match((await h1.docker(['network', 'ls'])).stdout, / kept /)
  await h1.sh(['ping', '-c', '1', '-W', '2', h2.address])
})

t.test('the store hangs, dies, comes back and forgets as told', async (t) => {
  const { etcd } = lab
  const get = async () => (await etcd.ctl(['get', 'seen', '--print-value-only'])).stdout
  t.equal(await get(), 'by-h2\n')
  await etcd.pause()
  await t.rejects(etcd.ctl(['get', 'seen']))
  await etcd.resume()
  t.equal(await get(), 'by-h2\n')
  await etcd.kill()
  await t.rejects(etcd.ctl(['get', 'seen']))
  await etcd.start()
  t.equal(await get(), 'by-h2\n')
  await etcd.wipe()
  t.equal(await get(), '')
})

t.test('diagnostics show each host, also one that is off', async (t) => {
  await h2.powerOff()
  const path = await dump(lab, 'lab smoke: test')
  const text = await readFile(path, 'utf8')
  t.match(text, `######## h1 ${h1.address}, cable plugged in`)
  t.match(text, /#### docker network ls.*\n(.*\n)*.* kept /)
  t.match(text, `######## h2 ${h2.address}: powered off`)
  await rm(path)
})

t.test('another process can attach', async (t) => {
  t.same(
    Lab.attach().hosts.map((host) => host.name),
    ['h1', 'h2'],
  )
})

t.test('nothing is left after down, nor after a second one', async (t) => {
  t.not((await leftovers()).length, 0, 'there is something to remove')
  await lab.down()
  t.same(await leftovers(), [])
  t.same(await machineState(), before)
  t.throws(() => readdirSync(STATE_DIR), { code: 'ENOENT' })
  await lab.down()
  t.throws(() => Lab.attach(), { message: 'no lab is up' })
})

t.test('what a killed owner has left is removed by the next lab', async (t) => {
  const cli = join(import.meta.dirname, '../lab/lab.ts')
  const script = `const { Lab } = await import('${cli}'); await Lab.up({ hosts: 1 }); process.kill(process.pid, 'SIGKILL')`
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script]
  t.not((await run(node, { check: false, env })).code, 0)
  t.not(labProcesses().size, 0, 'its machine still runs')
  const next = await Lab.up({ hosts: 1 })
  t.equal((await next.host(1).docker(['ps', '-a', '-q'])).stdout, '')
  await next.down()
  t.same(await leftovers(), [])
})

t.test('a signal while it comes up leaves nothing', async (t) => {
  const cli = join(import.meta.dirname, '../lab/cli.ts')
  const node = [process.execPath, '--import', 'tsx', cli, 'up', '2']
  const script = `"$@" & p=$!; sleep 1.2; kill -TERM $p; wait $p`
  const { code } = await run(['bash', '-c', script, 'x', ...node], { check: false, env })
  t.equal(code, 128 + 15)
  t.same(await leftovers(), [])
})
