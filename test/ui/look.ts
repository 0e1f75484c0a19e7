import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { bundlePage } from '../../plugin/bundle.js'
import { readAssets } from '../../src/cli/ui/assets.js'
import { PageServer } from '../../src/cli/ui/page-server.js'
import { LARGE, THREE, testCluster } from './fixture.js'
const ends: (() => unknown)[] = []
const t = { teardown: (w: () => unknown) => ends.push(w), testdirName: '/tmp/ui-look' } as never
mkdirSync('build/ui', { recursive: true })
await bundlePage(process.cwd(), 'build/ui/page')
const c = await testCluster(t, process.argv[2] === 'large' ? LARGE : THREE)
const page = new PageServer({ assets: readAssets('build/ui/page'), socketPath: c.socketPath })
let round = 1; setInterval(() => c.count(++round), 500)
const url = await page.listen(0)
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
for (const colorScheme of ['light', 'dark'] as const) {
  const p = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme })
  p.on('console', (m) => console.log(m.text())); p.on('pageerror', (e) => console.log(e.stack))
  await p.goto(url)
  await p.waitForTimeout(1500); await p.waitForTimeout(2500)
  await p.getByRole('button', { name: /^Host .*this host/ }).click()
  await p.waitForTimeout(300)
  await p.screenshot({ path: `build/ui/look-${process.argv[2]}-${colorScheme}.png`, fullPage: true })
  await p.close()
}
await browser.close()
await page.close()
for (const e of ends.reverse()) await e()
process.exit()
