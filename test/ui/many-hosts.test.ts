/** The page before 200 hosts and 10,000 endpoints: seen at a glance, found at once, and still quick. */
import t from 'tap'
import { faults, serve, shoot, TestBrowser } from './browser.js'
import { LARGE, testCluster } from './fixture.js'

const browser = await TestBrowser.start(t)
const cluster = await testCluster(t, LARGE)

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`200 hosts, ${colorScheme}`, async (t) => {
    const { url } = await serve(t, cluster.socketPath)
    const { page, said } = await browser.open(t, url, { colorScheme })
    const last = page.getByRole('button', { name: /^Host node-200, ok/ })
    await last.waitFor()
    t.equal(await page.locator('.node-host').count(), 200)
    // each host is one node, whatever it has
    t.equal(await page.locator('.node-endpoint').count(), 0)
    await page
      .getByText(/^9,97\d endpoints$/)
      .first()
      .waitFor()
    const where = await last.boundingBox()
    await page.getByRole('button', { name: /^team-07/ }).click()
    await page.locator('.node-host.dim').first().waitFor()
    t.equal(await page.locator('.node-host:not(.dim)').count(), 101)
    t.strictSame(await last.boundingBox(), where)
    await last.click()
    await page.getByRole('region', { name: 'node-200' }).getByText('10.20.199.2').waitFor()
    const search = page.getByLabel('Find')
    await search.fill('node-150 team-03 db')
    await page
      .getByRole('status')
      .filter({ hasText: /^1 endpoint$/ })
      .waitFor()
    await page.getByRole('button', { name: 'Trace from db-150' }).waitFor()
    await search.fill('')
    t.strictSame(await faults(page), [])
    await shoot(page, `many-hosts-${colorScheme}`)
    t.strictSame(said, [])
  })
}

t.test('a narrow window has all in one column', async (t) => {
  const { url } = await serve(t, cluster.socketPath)
  const { page } = await browser.open(t, url, { width: 480 })
  await page.getByRole('button', { name: /^Host node-200, ok/ }).waitFor()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 480)
  await shoot(page, 'narrow', false)
})
