/** `links`. */
import type { LinkRow, LinksReport } from '../../core/admin/kernel.js'
import { CliFailure } from '../failure.js'
import { linkTree } from '../tables/link-tree.js'
import { linksTable } from '../tables/links.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

export const addLinks: AddVerbs = (tools) => {
  const links = listing(tools.root, 'links', 'links of all network namespaces of this host')
    .argument('[link]', 'its ifindex or name; with --tree also a container or network')
    .option('--tree', 'what is between each container and the other hosts, link by link')
  examples(links, [
    ['tsoverlay links', 'all'],
    ['tsoverlay links 354', 'every link with this ifindex, each with its true other end'],
    ['tsoverlay links --tree web', 'from the container web to the other hosts'],
  ]).action(async (wanted: string | undefined, { tree = false }: { tree?: boolean }, own) => {
    const found = await clientOf(own).get<LinksReport>(tree ? '/links?ways=1' : '/links')
    if (tree) {
      const text = linkTree(found, wanted)
      if (text === '' && wanted !== undefined) throw none('container, network or link', wanted)
      print(tools, own, found, () => text)
      return
    }
    const links = found.links.filter((link) => wanted === undefined || isCalled(link, wanted))
    if (links.length === 0 && wanted !== undefined) throw none('link', wanted)
    print(tools, own, { ...found, links }, () => linksTable(links, found.links))
  })
}

function isCalled({ index, name }: LinkRow, wanted: string): boolean {
  return `${index}` === wanted || name === wanted
}

function none(what: string, wanted: string): CliFailure {
  return new CliFailure(`no ${what} "${wanted}" in any namespace of this host`)
}
