/** The page of `tsoverlay ui` on a real host: started by the launcher, seen from that host's loopback. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Page } from 'playwright-core'
import root, { type Test } from 'tap'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { netnsOf } from '../lab/names.js'
import { createNetwork, installEverywhere, runSleeper } from '../lab/tsoverlay.js'
import { faults, shoot, TestBrowser } from '../ui/browser.js'
import { appearsOn } from './synced.js'
import { eventually } from './traces.js'

/** `blue` (overlay) and `red` (host-gw) with a container of each on both hosts. */
async function clusterOf(t: Test): Promise<Lab> {
  const lab = await Lab.up({ hosts: 2, etcd: true, log: (line) => t.comment(line) })
  t.teardown(() => lab.down())
  await installEverywhere(lab, { NETWORK_SYNC: 'on' })
  await createNetwork(lab.host(1), 'blue', ['--subnet', '10.20.0.0/16'])
  await createNetwork(lab.host(1), 'red', ['--subnet', '10.30.0.0/16', '-o', 'backend=host-gw'])
  for (const name of ['blue', 'red']) await appearsOn(lab.hosts, name)
  for (const host of lab.hosts) {
    await runSleeper(host, `web-${host.name}`, 'blue')
    await runSleeper(host, `job-${host.name}`, 'red')
  }
  return lab
}

interface Served {
  readonly url: string
  /** Ctrl-C. @returns its exit code */
  readonly end: () => Promise<number>
}

/** As it is typed on the host, without what the test runner has node do. */
async function serve(t: Test, host: Host): Promise<Served> {
  const script = 'echo $$; exec env -u NODE_OPTIONS /run/tsoverlay/cli ui --port 0'
  const [command = '', ...argv] = host.inside(['sh', '-c', script])
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'ignore'] })
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('`tsoverlay ui` has ended before it said its URL')
    return value
  }
  const [pid, url] = [await next(), await next()]
  const end = async (): Promise<number> => {
    await host.sh(['kill', '-INT', pid], { check: false })
    const [code]: readonly number[] = await exit
    return code ?? -1
  }
  t.teardown(end)
  return { url, end }
}

const node = (page: Page, name: RegExp) => page.getByRole('button', { name })
const section = (page: Page, name: string) => page.getByRole('region', { name, exact: true })

root.test('the page of a real agent', async (t) => {
  const lab = await clusterOf(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const served = await serve(t, one)
  t.match(served.url, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/)
  const browser = await TestBrowser.start(t, { netns: netnsOf(one.name) })

  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`all of it is shown, ${colorScheme}`, async (t) => {
      const { page, said } = await browser.open(t, served.url, { colorScheme })
      await node(page, /^Host h1 \(this host\) VTEP .*\.1, ok, 2 endpoints, 2 networks/).waitFor()
      await node(page, /^Host h2 VTEP .*\.2, ok, 2 endpoints, 2 networks/).waitFor()
      await node(page, /^Network blue VNI \d+ · overlay, ok, 2 endpoints/).waitFor()
      await node(page, /^Network red VNI .* · host-gw, ok, 2 endpoints/).waitFor()
      for (const { name } of lab.hosts) {
        await node(
          page,
          new RegExp(`^Endpoint web-${name} on ${name}, network blue, 10.20.`),
        ).waitFor()
        await node(
          page,
          new RegExp(`^Endpoint job-${name} on ${name}, network red, 10.30.`),
        ).waitFor()
      }
      const pools = section(page, 'Pools and blocks')
      await pools.getByRole('button', { name: '10.20.0.0/16' }).click()
      await pools.getByRole('row', { name: /^10\.20\.\d+\.\d+\/\d+ h2 / }).waitFor()
      const found = /(Nothing is wrong|\d+ findings?); \d+ checks ok\./
      const doctor = section(page, 'Doctor')
      t.match(
        await eventually(
          async () => (await doctor.textContent()) ?? '',
          (text) => found.test(text),
          60_000,
        ),
        found,
      )
      await node(page, /^Pick the endpoint that sends/).click()
      await node(page, /^Endpoint web-h1 /).click()
      await node(page, /^Endpoint web-h2 /).click()
      const trace = section(page, 'Trace')
      await trace.getByText(/^Packets get from web-h1 .* to web-h2 .*, and back\.$/).waitFor()
      for (const host of ['h1', 'h2']) {
        t.ok(
          (await trace
            .getByRole('listitem')
            .filter({ hasText: `on ${host}` })
            .count()) > 0,
        )
      }
      t.strictSame(await faults(page), [])
      await shoot(page, `real-hosts-${colorScheme}`)
      t.strictSame(said, [])
    })
  }

  t.test('a container that comes and goes on the other host is seen', async (t) => {
    const { page } = await browser.open(t, served.url)
    await node(page, /^Endpoint web-h2 /).waitFor()
    await runSleeper(two, 'late', 'blue')
    await node(page, /^Endpoint late on h2, network blue, 10\.20\.\S+, ok/).waitFor()
    const events = section(page, 'Events')
    await events.getByRole('listitem').filter({ hasText: 'late' }).first().waitFor()
    await two.docker(['rm', '-f', 'late'])
    await node(page, /^Endpoint late /).waitFor({ state: 'detached' })
  })

  t.test('what goes through containers is told, also by the other host', async (t) => {
    const { page } = await browser.open(t, served.url)
    await one.docker(['exec', '-d', 'web-h1', 'ping', '-A', '-q', '-s', '1400', 'web-h2'])
    await section(page, 'Traffic of this host’s endpoints')
      .getByRole('row', { name: /^web-h1 blue 100 % [1-9]\S* [kMG]B\/s / })
      .waitFor()
    await node(page, /^Host h2 /).click()
    await section(page, 'Traffic of h2’s endpoints')
      .getByRole('row', { name: /^web-h2 blue 100 % [1-9]\S* [kMG]B\/s / })
      .waitFor()
    await node(page, /^Endpoint web-h2 on h2, .*, ok, [1-9]\S* [kMG]B\/s$/).click()
    await section(page, 'web-h2')
      .getByText(/^in [1-9]\S* [kMG]B\/s, out [1-9]/)
      .waitFor()
    await shoot(page, 'real-hosts-traffic')
  })

  t.test('a broken path is told with its cause and what mends it', async (t) => {
    const { page } = await browser.open(t, served.url)
    const rule = ['INPUT', '-p', 'udp', '--dport', '4789', '-j', 'DROP']
    await two.sh(['iptables', '-I', ...rule])
    t.teardown(() => two.sh(['iptables', '-D', ...rule], { check: false }))
    await page.getByRole('button', { name: 'Trace from web-h1' }).click()
    await page.getByRole('button', { name: 'Trace to web-h2' }).click()
    await section(page, 'Trace')
      .getByText(/^Packets do not get past \S+ on h2: .*ip filter INPUT/)
      .waitFor()
    const hops = section(page, 'Trace').getByRole('group', { name: 'Hops of the packet' })
    const list = await hops.boundingBox()
    const failed = await hops.getByRole('listitem').filter({ hasText: 'failed' }).boundingBox()
    if (list === null || failed === null) throw new Error('the hop that fails is not there')
    t.ok(failed.y >= list.y && failed.y + failed.height <= list.y + list.height, 'it is in view')
    await page.getByRole('button', { name: 'Check all hosts' }).click()
    await section(page, 'Doctor')
      .getByText(/"ip filter INPUT" on h2 drops them/)
      .first()
      .waitFor()
    await shoot(page, 'real-hosts-broken')
  })

  t.test('Ctrl-C ends it', async (t) => {
    const { page } = await browser.open(t, served.url)
    t.equal(await served.end(), 0)
    await page.getByRole('alert').getByText('has ended').waitFor()
  })
})
