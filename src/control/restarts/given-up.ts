/** Which containers dockerd has given up because of us: pure. */

import type { IdleContainer } from '../dockerd/docker-starts.js'

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
