/** Metrics: by Prometheus' conventions, bounded, and what dashboard and alerts ask for. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { unpackPackage } from '../../plugin/debian.js'
import { addStatusMetrics } from '../../src/admin/metrics.js'
import { MOST_NETWORKS } from '../../src/admin/network-metrics.js'
import { addProcessMetrics } from '../../src/admin/process-metrics.js'
import { Timings } from '../../src/admin/timings.js'
import type { StatusReport } from '../../src/core/admin/status.js'
import { createRpcServer } from '../../src/rpc/server.js'
import { MeteredStore } from '../../src/state/metered-store.js'
import { host, idOf } from '../control/host.js'
import { folder } from '../fakes/folder.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { RecordingLogger } from '../fakes/recording-logger.js'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const { folder: unpacked } = unpackPackage('prometheus', `${PROJECT}build/cache`, () => {})
const promtool = `${unpacked}/usr/bin/promtool`

/** A host with a network and a container, whose calls are counted. */
async function counted(t: Test) {
  const made = await host(t)
  const registry = new Registry()
  const timings = new Timings(registry)
  const logger = new RecordingLogger()
  const rpc = createRpcServer({ network: made.driver, ipam: made.ipam, logger, meter: timings })
  t.teardown(() => rpc.close())
  await rpc.inject('NetworkDriver.GetCapabilities')
  await rpc.inject('NetworkDriver.Join', '{}')
  const store = new MemoryStore()
  const metered = new MeteredStore(store, timings)
  await metered.get('/x')
  await metered.txn([], [{ put: '/x', value: '' }])
  store.unavailable = true
  await metered.list('/').catch(() => undefined)
  timings.pass(0.004, true)
  await made.docker.createNetwork(idOf('blue'), { subnet: '10.20.0.0/24' })
  await made.docker.run(idOf('blue'), idOf('web'))
  let status = (): StatusReport => made.status()
  addStatusMetrics(registry, () => status())
  addProcessMetrics(registry, () => 3)
  const use = (other: StatusReport) => {
    status = () => other
  }
  return { made, registry, use }
}

t.test('calls, passes and networks are counted', async (t) => {
  const { registry } = await counted(t)
  const text = await registry.metrics()
  for (const line of [
    'tsoverlay_rpc_duration_seconds_count{method="NetworkDriver.GetCapabilities",outcome="done"} 1',
    'tsoverlay_rpc_duration_seconds_count{method="NetworkDriver.Join",outcome="failed"} 1',
    'tsoverlay_store_call_duration_seconds_count{action="get",outcome="done"} 1',
    'tsoverlay_store_call_duration_seconds_count{action="txn",outcome="done"} 1',
    'tsoverlay_store_call_duration_seconds_count{action="list",outcome="failed"} 1',
    'tsoverlay_pass_duration_seconds_bucket{le="0.0025",outcome="done"} 0',
    'tsoverlay_pass_duration_seconds_bucket{le="0.005",outcome="done"} 1',
    'tsoverlay_network_endpoints{network="pools:10.20.0.0/24"} 1',
    'tsoverlay_network_unsynced{network="pools:10.20.0.0/24"} 0',
    'tsoverlay_problems{part="conflicts"} 0',
    'tsoverlay_watchers 3',
  ])
    t.ok(text.split('\n').includes(line), line)
  t.match(text, /^tsoverlay_build_info\{version="\d[^"]*",node="v\d[^"]*"\} 1$/m)
  t.match(text, /^process_start_time_seconds \d{10}/m)
})

t.test('a host with very many networks has no more series', async (t) => {
  const { made, registry, use } = await counted(t)
  const status = made.status()
  const [network] = status.networks
  if (network === undefined) throw new Error('no network')
  const many = Array.from({ length: 150 }, (_, at) => ({ ...network, name: `n${at}` }))
  use({ ...status, networks: many })
  const lines = (await registry.metrics()).match(/^tsoverlay_network_endpoints\{.*$/gm) ?? []
  t.equal(lines.length, MOST_NETWORKS + 1)
  t.equal(lines.at(-1), 'tsoverlay_network_endpoints{network="other"} 50')
})

t.test('promtool finds nothing to complain about', async (t) => {
  const { registry } = await counted(t)
  const input = await registry.metrics()
  const done = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' })
  t.match(done, { status: 0, stdout: '', stderr: '' })
  const bad = spawnSync(promtool, ['check', 'metrics'], {
    input: '# TYPE x_total gauge\nx_total 1\n',
    encoding: 'utf8',
  })
  t.not(bad.status, 0, 'it would')
})

t.test(
  'the alert rules are valid, fire when they should, and not on a healthy cluster',
  async (t) => {
    const check = ['check', 'rules', '--lint-fatal', `${PROJECT}docs/alerts.yml`]
    const checked = spawnSync(promtool, check, { encoding: 'utf8' })
    t.match(checked, { status: 0, stderr: '' })
    t.match(checked.stdout, /SUCCESS: \d+ rules found/)
    const tests = `${PROJECT}test/admin/alerts/rules-test.yml`
    const tested = spawnSync(promtool, ['test', 'rules', tests], { encoding: 'utf8' })
    t.equal(tested.status, 0, tested.stdout + tested.stderr)
    const rules = readFileSync(`${PROJECT}docs/alerts.yml`, 'utf8')
    const text = readFileSync(tests, 'utf8')
    for (const [, name] of rules.matchAll(/- alert: (\w+)/g)) {
      for (const used of [`alertname: ${name},`, `alertname="${name}"`])
        t.ok(text.includes(used), `${name} is tested: ${used}`)
    }
  },
)

t.test('what dashboard and alerts ask for is there', async (t) => {
  const { registry } = await counted(t)
  const known = new Set((await registry.metrics()).match(/^\w+(?=[ {])/gm))
  const dashboard = JSON.parse(readFileSync(`${PROJECT}docs/grafana-dashboard.json`, 'utf8'))
  const panels: { title: string; targets?: { expr: string }[] }[] = dashboard.panels
  const exprs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  t.ok(exprs.length > 20)
  const alerts = readFileSync(`${PROJECT}docs/alerts.yml`, 'utf8')
  exprs.push(...[...alerts.matchAll(/expr: (.*)/g)].map(([, expr = '']) => expr))
  const names = new Set(exprs.join('\n').match(/\b(?:tsoverlay|process)_\w+/g))
  t.ok(names.size > 20)
  for (const name of names) t.ok(known.has(name), `${name} is there`)
  const rules = exprs.map((expr, at) => ({
    record: `a:b${at}`,
    expr: expr.replaceAll('$instance', '.*'),
  }))
  const file = `${folder(t)}/rules.yml`
  // JSON is YAML
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'all', rules }] }))
  const parsed = spawnSync(promtool, ['check', 'rules', file], { encoding: 'utf8' })
  t.equal(parsed.status, 0, parsed.stdout + parsed.stderr)
  const titles = panels.map(({ title }) => title)
  t.equal(new Set(titles).size, titles.length)
})
