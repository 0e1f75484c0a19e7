/** What of the admin socket the page may ask: GET only, by this list, with these parameters. */

interface Passage {
  /** parameters that are passed on; all others are left out */
  readonly takes: readonly string[]
  /** the answer comes line by line, as it is found */
  readonly lines?: true
}

const PASSAGES: Readonly<Record<string, Passage>> = {
  '/status': { takes: [] },
  '/hosts': { takes: [] },
  '/networks': { takes: [] },
  '/endpoints': { takes: [] },
  '/pools': { takes: [] },
  '/traffic': { takes: ['host'] },
  '/events': { takes: [], lines: true },
  '/doctor': { takes: ['hosts'], lines: true },
  '/trace': { takes: ['from', 'to', 'port', 'protocol'] },
}

export interface Passed {
  /** path and query for the admin socket */
  readonly path: string
  readonly lines: boolean
}

/** @returns undefined: the page has no business there */
export function passage(path: string, query: URLSearchParams): Passed | undefined {
  if (!Object.hasOwn(PASSAGES, path)) return undefined
  const { takes, lines = false } = PASSAGES[path] ?? { takes: [] }
  const kept = new URLSearchParams(takes.flatMap((name) => pairs(name, query.get(name))))
  return { path: kept.size === 0 ? path : `${path}?${kept}`, lines }
}

function pairs(name: string, value: string | null): [string, string][] {
  return value === null ? [] : [[name, value]]
}
