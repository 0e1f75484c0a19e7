/** What one has chosen on the map or in a table. */
export interface Selection {
  readonly kind: 'host' | 'network' | 'endpoint'
  /** of a network: its key */
  readonly id: string
}

export type Select = (selection: Selection | undefined) => void

export function isSame(a: Selection | undefined, b: Selection | undefined): boolean {
  return a?.kind === b?.kind && a?.id === b?.id
}
