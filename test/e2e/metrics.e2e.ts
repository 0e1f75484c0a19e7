/** A real Prometheus that scrapes three hosts, with the rules of docs/alerts.yml. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { unpackPackage } from '../../plugin/debian.js'
import { waitFor } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { createNetwork, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'

const PORT = 9180
/** build/ is the share of the lab's hosts */
const BIN = '/shared/cache/prometheus/usr/bin'
const URL = 'http://127.0.0.1:9090'
/** The alert's own minute, and what a lease takes to run out. */
const FIRING_MS = 180_000

const plugin = (host: Host, ...argv: string[]) => host.docker(['plugin', ...argv])

async function serveMetrics(lab: Lab, on: boolean): Promise<void> {
  for (const host of lab.hosts) {
    await plugin(host, 'disable', '-f', PLUGIN)
    await plugin(host, 'set', PLUGIN, `METRICS=${on ? `${host.address}:${PORT}` : ''}`)
    await host.docker(['plugin', 'enable', PLUGIN], { timeoutMs: 120_000 })
  }
}

function configOf(lab: Lab): string {
  const targets = lab.hosts.map(({ address }) => `${address}:${PORT}`)
  // JSON is YAML
  return JSON.stringify({
    global: { scrape_interval: '2s', evaluation_interval: '2s' },
    rule_files: ['/tmp/alerts.yml'],
    scrape_configs: [{ job_name: 'tsoverlay', static_configs: [{ targets }] }],
  })
}

async function startPrometheus(host: Host, lab: Lab): Promise<void> {
  const rules = readFileSync(new globalThis.URL('../../docs/alerts.yml', import.meta.url), 'utf8')
  const write = (path: string, input: string) => host.sh(['sh', '-c', `cat > ${path}`], { input })
  await write('/tmp/alerts.yml', rules)
  await write('/tmp/prometheus.yml', configOf(lab))
  const flags = '--config.file=/tmp/prometheus.yml --storage.tsdb.path=/tmp/prometheus-data'
  const start = `${BIN}/prometheus ${flags} --web.listen-address=127.0.0.1:9090 >/tmp/prometheus.log 2>&1 & echo $! > /tmp/prometheus.pid`
  await host.sh(['setsid', 'sh', '-c', start])
}

/** Lines of `promtool query instant`; none while it does not answer. */
async function query(host: Host, expr: string): Promise<readonly string[]> {
  const asked = ['query', 'instant', URL, expr]
  const { stdout } = await host.sh([`${BIN}/promtool`, ...asked], { check: false })
  return stdout.split('\n').filter((line) => line !== '')
}

t.test('three hosts are scraped, and an alert fires when the store is cut', async (t) => {
  unpackPackage('prometheus', resolve('build/cache'), (line) => t.comment(line))
  const lab = await sharedLab(t)
  const one = lab.host(1)
  await serveMetrics(lab, true)
  t.teardown(() => serveMetrics(lab, false))
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/24'])
  await runSleeper(one, 'web', 'blue')
  await startPrometheus(one, lab)
  t.teardown(() => one.sh(['sh', '-c', 'kill $(cat /tmp/prometheus.pid); rm -rf /tmp/prometheus*']))

  const value = (expr: string, wanted: string) =>
    waitFor(`prometheus: ${expr} is ${wanted}`, 60_000, async () => {
      return (await query(one, expr)).some((line) => line.includes(`=> ${wanted} @`))
    })
  await value('count(tsoverlay_build_info)', '3')
  await value('sum(up{job="tsoverlay"})', '3')
  await value('sum(tsoverlay_network_endpoints)', '1')
  await value('sum(tsoverlay_rpc_duration_seconds_count{method="NetworkDriver.Join"})', '1')
  await value('sum(tsoverlay_store_reached)', '3')
  t.same(await query(one, 'ALERTS{severity!="info"}'), [], 'a healthy cluster has no alert')

  await lab.etcd.stop()
  let isBack = false
  const back = async () => {
    if (!isBack) await lab.etcd.start()
    isBack = true
  }
  t.teardown(back)
  const firing = 'ALERTS{alertname="TsoverlayStoreUnreached",alertstate="firing"}'
  await waitFor('the alert on all hosts', FIRING_MS, async () => {
    return (await query(one, firing)).length === 3
  })
  await back()
  await waitFor('the end of the alert', FIRING_MS, async () => {
    return (await query(one, firing)).length === 0
  })
  t.pass('it fired on all hosts, and ended with its cause')
})
