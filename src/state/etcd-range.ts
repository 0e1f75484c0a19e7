/** A prefix read in pages, all as of the revision of the first. */
import type { Page, Snapshot } from '../core/ports.js'
import type { Namespace, WireKeyValue } from './etcd-codec.js'

/** Most prefixes end with their first page. */
const FIRST_PAGE = 1_000
/**
 * For each page etcd counts all that is behind it (its `RangeResponse.count`), so a hundred pages of
 * 1,000 cost it a multiple of 25; 4,000 entries are worked on for about 30 ms.
 */
const PAGE = 4_000

export interface RangePage {
  readonly kvs: readonly WireKeyValue[]
  readonly revision: number
  readonly more: boolean
}

interface WireRange {
  readonly key: Buffer
  readonly range_end: Buffer
  readonly keys_only?: boolean
}

interface WireRangeResponse {
  readonly header: { readonly revision: string }
  readonly kvs: readonly WireKeyValue[]
  readonly more: boolean
}

type Request = WireRange & { readonly limit: number; readonly revision?: string }

/**
 * The next page is asked for before one is handed out, so that etcd reads while it is worked on.
 * @throws what `ask` throws
 */
export async function* pagesOf(
  range: WireRange,
  ask: (request: Request) => Promise<WireRangeResponse>,
): AsyncGenerator<RangePage> {
  let asked = ask({ ...range, limit: FIRST_PAGE })
  const { revision } = (await asked).header
  for (;;) {
    const { kvs, more } = await asked
    if (more) {
      // the smallest key after the last one
      const key = Buffer.concat([kvs.at(-1)?.key ?? range.key, Buffer.alloc(1)])
      asked = ask({ ...range, key, revision, limit: PAGE })
      // who leaves meanwhile does not hear of it
      asked.catch(() => undefined)
    }
    yield { kvs, revision: Number(revision), more }
    if (!more) return
  }
}

/** The pages with their entries decoded, the last one as the snapshot that they are. */
export async function* entriesOf(
  pages: AsyncIterable<RangePage>,
  namespace: Namespace,
): AsyncGenerator<Page | Snapshot> {
  let continues = false
  for await (const { kvs, revision, more } of pages) {
    const entries = kvs.map((kv) => namespace.entry(kv))
    yield { kind: more ? 'page' : 'snapshot', entries, revision, continues }
    continues = true
  }
}
