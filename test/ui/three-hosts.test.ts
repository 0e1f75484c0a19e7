/** The page before three hosts: what it shows, by mouse and keyboard, and what it does in trouble. */
import type { FastifyInstance } from 'fastify'
import type { Page } from 'playwright-core'
import t from 'tap'
import { clusterRoutes } from '../../src/admin/routes/cluster.js'
import type { DoctorLine } from '../../src/core/admin/doctor.js'
import type { TraceReport } from '../../src/core/admin/trace.js'
import { resourcesOf } from '../admin/resources.js'
import { faults, serve, shoot, TestBrowser } from './browser.js'
import { THREE, testCluster } from './fixture.js'

const browser = await TestBrowser.start(t)
const node = (page: Page, name: RegExp) => page.getByRole('button', { name })
const section = (page: Page, name: string) => page.getByRole('region', { name, exact: true })

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`all is shown, ${colorScheme}`, async (t) => {
    const cluster = await testCluster(t, THREE)
    const { url } = await serve(t, cluster.socketPath)
    const { page, said, asked } = await browser.open(t, url, { colorScheme })
    await node(page, /^Host node-2 VTEP 192\.0\.2\.2, ok, 9 endpoints, 3 networks/).waitFor()
    await node(page, /^Network shop VNI \d+ · overlay, ok, 10 endpoints/).waitFor()
    await node(page, /^Endpoint web-3 on node-3, network shop, 10\.20\.2\.2\/16, ok/).waitFor()
    await section(page, 'Pools and blocks').getByText('10.20.0.0/16').click()
    await section(page, 'Pools and blocks').getByText('10.20.2.0/24').waitFor()
    cluster.count(2)
    await section(page, 'Traffic of this host’s endpoints')
      .getByText(/[1-9]\S* MB\/s/)
      .first()
      .waitFor()
    await cluster.lose(2)
    await node(page, /^Host node-3 VTEP 192\.0\.2\.3 · away/).waitFor()
    await section(page, 'Events').getByText('away').waitFor()
    await page.getByText('3 hosts (1 away)').waitFor()
    await node(page, /^Host node-3 VTEP 192\.0\.2\.3 · away/).click()
    await page.getByText('tsoverlay host rm node-3').waitFor()
    t.strictSame(await faults(page), [])
    await shoot(page, `three-hosts-${colorScheme}`)
    t.strictSame(said, [])
    const elsewhere = asked.filter((each) => !each.startsWith(url))
    t.strictSame(elsewhere, [], 'nothing is asked for elsewhere')
  })
}

t.test('nothing jumps when an endpoint comes, and it is there', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  const { page } = await browser.open(t, url)
  const before = node(page, /^Endpoint web-3 on node-3, network shop/)
  const where = await before.boundingBox()
  const [network] = cluster.networks
  if (network === undefined) throw new Error('no network')
  await cluster.attach(1, network, 'aaa-first-of-all')
  await node(page, /^Endpoint aaa-first-of-all on node-2, network shop/).waitFor()
  t.strictSame(await before.boundingBox(), where)
})

t.test('by keyboard: one tab stop, arrows, Enter, a ring that is seen', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  const { page } = await browser.open(t, url)
  await node(page, /^Host node-2/).waitFor()
  await page.getByRole('button', { name: 'Table', exact: true }).focus()
  await page.keyboard.press('Tab')
  const focused = () => page.evaluate('document.activeElement.getAttribute("aria-label")')
  t.match(await focused(), /^Host node-2/)
  await page.keyboard.press('ArrowRight')
  t.match(await focused(), /^Host node-3/)
  await page.keyboard.press('ArrowDown')
  t.match(await focused(), /^Endpoint .* on node-3, network backup/)
  const ring = 'getComputedStyle(document.activeElement.querySelector(".ring")).stroke'
  t.match(await page.evaluate(ring), /^rgb/)
  await page.keyboard.press('Enter')
  await page.getByText('Trace from here').waitFor()
  t.equal(await page.evaluate('document.activeElement.getAttribute("aria-pressed")'), 'true')
  await page.keyboard.press('Home')
  t.match(await focused(), /^Host node-2/)
  await page.keyboard.press('Tab')
  t.notMatch(await focused(), /^(Host|Endpoint|Network) /, 'the map is left by one Tab')
  await page.getByRole('button', { name: 'Table', exact: true }).click()
  await page.getByRole('rowheader', { name: 'node-3' }).waitFor()
  t.strictSame(await faults(page), [])
})

const TRACE: TraceReport = {
  from: 'web-2 (10.20.1.2)',
  to: 'db-3 (10.20.2.4)',
  hops: [
    { host: 'node-2', hop: 'route', about: '10.20.0.0/16', verdict: 'ok', says: 'on eth0' },
    {
      ...{ host: 'node-2', hop: 'fdb', about: 'vxlan0', verdict: 'failed' },
      says: '02:42:0a:14:02:04 leads to the VTEP 192.0.2.9, not to 192.0.2.3',
      mend: { host: 'node-2', command: 'tsoverlay fdb shop --mend' },
    },
  ],
}
const FINDINGS: readonly DoctorLine[] = [
  { progress: 'node-3' },
  {
    finding: {
      ...{ host: 'node-3', name: 'mtu', about: 'node-2', verdict: 'failed' },
      ...{ says: 'packets of 1500 bytes do not arrive', mend: 'ip link set eth0 mtu 1500' },
    },
  },
  {
    finding: {
      ...{ host: 'node-2', name: 'clock', about: '', verdict: 'ok' },
      ...{ says: '3 ms', mend: '' },
    },
  },
]
const answers = (app: FastifyInstance): void => {
  const wanted = '/trace?from=10.20.1.2&to=10.20.2.4'
  app.get('/trace', async ({ url }) => (url === wanted ? TRACE : { ...TRACE, hops: [] }))
  app.get('/doctor', async (_request, reply) =>
    reply
      .type('application/x-ndjson')
      .send(FINDINGS.map((line) => `${JSON.stringify(line)}\n`).join('')),
  )
}

t.test('a trace between two endpoints that are clicked; findings of doctor', async (t) => {
  const cluster = await testCluster(t, THREE)
  await cluster.stop()
  await cluster.start((app) => {
    clusterRoutes(app, resourcesOf(cluster.host, cluster.store))
    answers(app)
  }, true)
  const { url } = await serve(t, cluster.socketPath)
  const { page, said } = await browser.open(t, url)
  const where = await node(page, /^Host node-2/).boundingBox()
  await node(page, /^Pick the endpoint that sends/).click()
  await page.getByText('Choose the endpoint that sends').waitFor()
  t.strictSame(await node(page, /^Host node-2/).boundingBox(), where, 'nothing moves')
  await node(page, /^Endpoint .* network shop, 10\.20\.1\.2\/16/).click()
  await page.getByText('Choose the endpoint that receives').waitFor()
  await node(page, /^Endpoint .* network shop, 10\.20\.2\.4\/16/).click()
  await section(page, 'Trace')
    .getByText(/^Packets do not get past fdb on node-2/)
    .waitFor()
  await section(page, 'Trace').getByText('tsoverlay fdb shop --mend').first().waitFor()
  const doctor = section(page, 'Doctor')
  await doctor.getByText('1 finding; 1 check ok.').waitFor()
  await doctor.getByText('ip link set eth0 mtu 1500').waitFor()
  t.strictSame(await faults(page), [])
  await shoot(page, 'trace-and-doctor')
  t.strictSame(said, [])
})

t.test('an agent of another version: each part that it does not have says so', async (t) => {
  const cluster = await testCluster(t, THREE)
  await cluster.stop()
  await cluster.start((app) => clusterRoutes(app, resourcesOf(cluster.host, cluster.store)), true)
  const { url } = await serve(t, cluster.socketPath)
  const { page } = await browser.open(t, url)
  await node(page, /^Host node-2/).waitFor()
  for (const [name, route] of [
    ['Pools and blocks', '/pools'],
    ['Traffic of this host’s endpoints', '/traffic'],
    ['Events', '/events'],
    ['Doctor', '/doctor'],
  ] as const) {
    const words = `The agent on this host has no GET ${route}: it is of another version.`
    await section(page, name).getByText(words).waitFor()
  }
  await shoot(page, 'another-version')
  t.strictSame(await faults(page), [])
})

t.test('the agent goes and comes back; then the server of the page goes', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url, end } = await serve(t, cluster.socketPath)
  const { page } = await browser.open(t, url)
  await node(page, /^Host node-2/).waitFor()
  await cluster.stop()
  const alert = page.getByRole('alert')
  await alert.getByText('the plugin does not run on this host').waitFor()
  await node(page, /^Host node-2/).waitFor()
  t.strictSame(await faults(page), [])
  await shoot(page, 'agent-away')
  await cluster.start()
  await page.getByText('agent answers').waitFor()
  await alert.getByText('does not answer').waitFor({ state: 'detached' })
  await end()
  await alert.getByText('has ended').waitFor()
})

t.test('nothing is asked for while the page is hidden', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  const { page, asked } = await browser.open(t, url)
  await node(page, /^Host node-2/).waitFor()
  const hide = (hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await hide(true)
  // what was on its way may still be asked for once
  await page.waitForTimeout(500)
  const before = asked.length
  await page.waitForTimeout(5_000)
  t.equal(asked.length, before)
  await hide(false)
  await page.waitForRequest(/\/api\/hosts$/)
})
