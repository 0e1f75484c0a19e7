/** What of a place could not be made: data for those who decide, and a text for people. */
import { HOST, type TableName } from './plan.js'

export interface Item {
  readonly in: 'place' | 'links' | 'settings' | 'rules' | 'stations' | TableName
  /** of the place or link; device and key of an entry; for settings and rules what is to be said */
  readonly name: string
}

const NOUNS: Readonly<Record<Item['in'], string>> = {
  place: 'sandbox',
  links: 'link',
  settings: '',
  rules: '',
  stations: 'station',
  neighbours: 'neighbour',
  fdb: 'fdb',
  routes: 'route',
  proxies: 'proxy',
}

/** As logs and messages say it: `link veth1a2b3c4`, `neighbour vxlan0 10.20.0.7`. */
export function itemText(item: Item): string {
  if (item.in === 'place' && item.name === HOST) return 'host namespace'
  return `${NOUNS[item.in]} ${item.name}`.trim()
}
