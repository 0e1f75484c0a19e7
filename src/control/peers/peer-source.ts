/** Peers of one network as the store has them: of endpoints a mirror is one, of blocks several are. */
import type { Peer } from '../../core/types.js'
import type { ChangeListener } from '../../state/mirror.js'

export interface PeerSource {
  start(): void
  /** Resolves once all was read. @throws TsoverlayError DEADLINE_EXCEEDED when it is closed before */
  synced(signal?: AbortSignal): Promise<void>
  close(): Promise<void>
  readonly size: number
  /** the store's at the last change that it saw; 0: none yet */
  readonly revision: number
  get(key: string): Peer | undefined
  /** Live view, no copy: not to be held over an await. */
  entries(): Iterable<[string, Peer]>
  onChange(listener: ChangeListener<Peer>): () => void
}
