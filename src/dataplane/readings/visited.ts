import type { FoundLinks } from './links.js'
import type { Opened } from './opened.js'

/** A namespace while it is read. */
export interface Visited {
  readonly name: string
  readonly aliases: string[]
  readonly inode: number
  readonly opened: Opened | undefined
  found: FoundLinks | undefined
  problem?: string
}
