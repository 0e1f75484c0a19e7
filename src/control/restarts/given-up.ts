/** Which containers dockerd has given up because of us: pure. */

/** A container that does not run, as dockerd shows it. */
export interface IdleContainer {
  readonly id: string
  readonly name: string
  /** `docker run --restart`, without its number */
  readonly restartPolicy: string
  /** why its last start failed; empty where it did not, as when a user stopped it */
  readonly error: string
}

const POLICIES: readonly string[] = ['always', 'unless-stopped', 'on-failure']

/**
 * What dockerd 26.1 notes when a start fails at a driver: a call that failed (`IpamDriver.Join: …`, or the
 * same in the URL of a plugin that does not answer), and a plugin that it does not have.
 */
const FAILURES: readonly RegExp[] = [
  /\b(?:NetworkDriver|IpamDriver)\.[A-Z]/,
  /plugin "[^"]*" not found/,
  /could not resolve driver/,
]

/**
 * True where dockerd was to keep the container running and its last start failed at a driver. dockerd
 * takes the error away with the next start that goes, so nothing that a user has stopped has one.
 */
export function isGivenUp({ restartPolicy, error }: IdleContainer): boolean {
  return POLICIES.includes(restartPolicy) && FAILURES.some((failure) => failure.test(error))
}
