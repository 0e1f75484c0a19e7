/**
 * What the page of `tsoverlay ui` costs its browser with 200 hosts and 10,000 endpoints, as Chromium
 * counts it (CDP Performance.getMetrics): `node --import tsx test/bench/page.ts`, after `make plugin`.
 */
import type { CDPSession, Page, Response } from 'playwright-core'
import { sleep } from '../lab/exec.js'
import { serve, TestBrowser } from '../ui/browser.js'
import { LARGE, type TestCluster, testCluster } from '../ui/fixture.js'
import { surroundings } from './surroundings.js'

const PHASE_MS = 20_000
const CHANGE_MS = 1_000

interface Cost {
  /** of the page's scripts, and of all that its main thread does, in seconds */
  readonly script: number
  readonly task: number
}

/** Since the session has begun to count. */
async function costOf(session: CDPSession): Promise<Cost> {
  const { metrics } = await session.send('Performance.getMetrics')
  const of = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? 0
  return { script: of('ScriptDuration'), task: of('TaskDuration') }
}

/** Prints what the page costs while `change` is called each second, and how often it was drawn anew. */
async function measure(page: Page, what: string, change: (round: number) => unknown) {
  let answers = 0
  const count = (response: Response): void => {
    if (response.status() === 200 && response.url().includes('/api/')) answers += 1
  }
  page.on('response', count)
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const [before, began] = [await costOf(session), performance.now()]
  for (let round = 2; performance.now() - began < PHASE_MS; round += 1) {
    await change(round)
    await sleep(CHANGE_MS)
  }
  const [after, seconds] = [await costOf(session), (performance.now() - began) / 1000]
  page.off('response', count)
  await session.detach()
  const share = (part: keyof Cost) =>
    `${((100 * (after[part] - before[part])) / seconds).toFixed(1)} %`
  console.log(
    `${what}: ${answers} new answers in ${seconds.toFixed(0)} s; scripts ${share('script')} of the time, main thread ${share('task')}`,
  )
}

async function run(cluster: TestCluster, page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Host node-200, ok/ }).waitFor()
  // once for what is compiled first
  await sleep(PHASE_MS / 2)
  await measure(page, 'counters change', (round) => cluster.count(round))
  const [network] = cluster.networks
  await measure(page, 'an endpoint comes each second', async (round) => {
    cluster.count(round)
    if (network !== undefined) await cluster.attach(20 + round, network, `late-${round}`)
  })
}

const ends: (() => unknown)[] = []
const scope = { teardown: (work: () => unknown) => ends.unshift(work) }
try {
  const { cpu, cores, busy, noisy } = await surroundings()
  console.log(`${cpu}, ${cores} cores, ${Math.round(100 * busy)} % busy${noisy ? ': NOISY' : ''}`)
  const browser = await TestBrowser.start(scope)
  const cluster = await testCluster(scope, LARGE)
  const { url } = await serve(scope, cluster.socketPath)
  await run(cluster, (await browser.open(scope, url)).page)
} finally {
  for (const end of ends) await end()
}
