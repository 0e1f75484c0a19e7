/** Who counts what the program does. Each call costs about a microsecond. */
export interface Meter {
  /** A call of the store has ended. @param action `get`, `list`, `keys`, `txn` or `lease` */
  store(action: string, seconds: number, isDone: boolean): void
  /** A pass of the reconciler over one place has ended. */
  pass(seconds: number, isDone: boolean): void
  /** A call of dockerd has been answered. @param method `NetworkDriver.Join` */
  rpc(method: string, seconds: number, isDone: boolean): void
}
