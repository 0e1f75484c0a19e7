/** Every link within the project's Markdown leads to a file that is there, and every anchor to a heading of it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LINK = /\]\(([^)\s]+)\)/g
const CODE = /^```[\s\S]*?^```$|`[^`\n]*`/gm

/** As GitHub makes them: https://docs.github.com, "Section links". */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = page.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)
  const anchors = new Set<string>()
  for (const [, heading = ''] of headings) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let at = 1; anchors.has(unique); at += 1) unique = `${anchor}-${at}`
    anchors.add(unique)
  }
  return anchors
}

/** @returns what is wrong with a link, undefined: nothing */
function fault(page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : resolve(ROOT, dirname(page), path)
  const file = resolve(ROOT, target)
  if (!existsSync(file)) return `${page}: ${link} is not there`
  if (anchor === undefined || anchorsOf(readFileSync(file, 'utf8')).has(anchor)) return undefined
  return `${page}: ${link} has no such heading`
}

t.test('links lead somewhere', (t) => {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const pages = listed.split('\n').filter((page) => page !== '' && existsSync(join(ROOT, page)))
  t.ok(pages.includes('README.md') && pages.length > 20, `${pages.length} pages`)
  let count = 0
  const faults = pages.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), 'utf8').replace(CODE, '')
    const links = [...text.matchAll(LINK)].map(([, link = '']) => link)
    count += links.length
    return links.flatMap((link) => fault(page, link) ?? [])
  })
  t.same(faults, [])
  t.ok(count > 100, `${count} links`)
  t.end()
})
