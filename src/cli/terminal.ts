/** What the CLI needs of its process. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** texts may have colour; absent: they must not */
  readonly colour?: boolean
  /** Instead of ending the process, ctrl-C calls the listener; absent: nobody interrupts. */
  readonly onInterrupt?: (listener: () => void) => void
}
