/** The page in headless Chromium, Debian's, before the real admin routes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { readAssets } from '../../src/cli/ui/assets.js'
import { PageServer } from '../../src/cli/ui/page-server.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** `make plugin` makes it. */
export const PAGE_FILES = join(ROOT, 'build/plugin/rootfs/app/ui')
const CHROMIUM = '/usr/bin/chromium'
const SCREENSHOTS = join(ROOT, 'build/ui')

interface Scope {
  teardown(work: () => unknown): unknown
}

export interface Look {
  readonly colorScheme?: 'light' | 'dark'
  readonly width?: number
}

export class TestBrowser {
  readonly #browser: Browser

  constructor(browser: Browser) {
    this.#browser = browser
  }

  /** @param netns the file of /run/netns whose loopback it sees; unless told, this process's */
  static async start(t: Scope, { netns }: { readonly netns?: string } = {}): Promise<TestBrowser> {
    // the tests are root's, whom Chromium gives no sandbox
    const args = ['--no-sandbox', '--disable-dev-shm-usage']
    const executablePath = netns === undefined ? CHROMIUM : chromiumIn(t, netns)
    const browser = await chromium.launch({ executablePath, args })
    t.teardown(() => browser.close())
    return new TestBrowser(browser)
  }

  /** The page, at work. @throws AssertionError later, if it says something on the console */
  async open(t: Scope, url: string, { colorScheme = 'light', width = 1440 }: Look = {}) {
    const viewport = { width, height: 900 }
    const context = await this.#browser.newContext({
      viewport,
      colorScheme,
      reducedMotion: 'reduce',
    })
    t.teardown(() => context.close())
    const page = await context.newPage()
    const said: string[] = []
    page.on('pageerror', (error) => said.push(`${error}`))
    page.on('console', (message) => {
      // a browser tells of each status that is no success; the page has words of its own for them
      if (!message.text().startsWith('Failed to load resource')) said.push(message.text())
    })
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.goto(url)
    return { page, said, asked }
  }
}

/** A program that starts it there: what starts it has to be one file. */
function chromiumIn(t: Scope, netns: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsoverlay-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'chromium')
  const script = `#!/bin/sh\nexec nsenter --net=/run/netns/${netns} ${CHROMIUM} "$@"\n`
  writeFileSync(file, script, { mode: 0o755 })
  return file
}

/** @returns the page's URL, and its server */
export async function serve(t: Scope, socketPath: string) {
  const server = new PageServer({ assets: readAssets(PAGE_FILES), socketPath })
  const url = await server.listen(0)
  let ended = false
  const end = async (): Promise<void> => {
    if (!ended) await server.close()
    ended = true
  }
  t.teardown(end)
  return { url, end }
}

/** What axe-core has against the page as it is: WCAG 2.2 A and AA, and good practice. */
export async function faults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const found: unknown = await page.evaluate(`axe.run().then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`)
  return found as readonly string[]
}

/** For people to look at: build/ui/NAME.png. */
export async function shoot(page: Page, name: string, fullPage = true): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage })
}
