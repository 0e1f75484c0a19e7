/** What one container may have of us, so that others have their share. */
export const LIMITS = {
  /** questions that Docker's resolver has not answered yet; it takes as many (UDP) */
  pending: 1024,
  /** how long one socket asks it: dockerd's port may be another since (ms) */
  channelMs: 5_000,
  /** its answer may come so late: it waits 4 s for each of three servers (ms) */
  answerMs: 12_000,
  connections: 32,
  /** of one connection, at Docker's resolver at once */
  pendingPerConnection: 16,
  /** questions of one connection that are answered before all others have a turn */
  perTurn: 32,
  idleMs: 10_000,
  /** answers that the kernel has not taken yet (UDP) */
  queued: 1024,
} as const
