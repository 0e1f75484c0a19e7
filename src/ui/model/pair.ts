/** The two endpoints between which a packet's way is traced. */
export interface Pair {
  /** ids of endpoints */
  readonly from: string | undefined
  readonly to: string | undefined
  /** which of them the next click is for; undefined: none */
  readonly picking: 'from' | 'to' | undefined
}

/** With the endpoint that was picked; then the other one is picked, if it is not known yet. */
export function pairWith(pair: Pair, id: string): Pair {
  const { picking = 'from' } = pair
  const next = { ...pair, [picking]: id }
  const other = picking === 'from' ? 'to' : 'from'
  return { ...next, picking: next[other] === undefined ? other : undefined }
}
