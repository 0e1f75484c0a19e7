/** Fifty containers at once on one host, for the measurements that count how long they take. */
import type { Host } from '../lab/host.js'

export const COUNT = 50
const LIMIT = { timeoutMs: 300_000 }

const names = Array.from({ length: COUNT }, (_, at) => `crowd${at}`)

/** In one call, as each start of the client takes time from what is measured. */
async function addressesOf(host: Host, network: string): Promise<readonly string[]> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  const { stdout } = await host.docker(['inspect', '-f', format, ...names], LIMIT)
  return stdout.trim().split('\n')
}

/** The container of another host that reaches them all. */
export const lookerOf = (network: string): string => `looker-${network}`

/** @returns when the looker on another host has had an answer of each */
export async function reach(host: Host, looker: Host, network: string): Promise<void> {
  const addresses = await addressesOf(host, network)
  const script = `for ip in ${addresses.join(' ')}; do until ping -c 1 -W 1 -q $ip; do :; done; done`
  await looker.docker(['exec', lookerOf(network), 'sh', '-c', script], LIMIT)
}

/**
 * @param done what is waited for after all have started
 * @returns milliseconds from the first `docker run` on
 */
export async function round(
  host: Host,
  network: string,
  done: () => Promise<void> = async () => {},
): Promise<number> {
  const before = performance.now()
  try {
    const run = (name: string) => ['run', '-d', '--name', name, '--net', network]
    await Promise.all(
      names.map((name) => host.docker([...run(name), 'lab', 'sleep', '600'], LIMIT)),
    )
    await done()
    return performance.now() - before
  } finally {
    await host.docker(['rm', '-f', ...names], { ...LIMIT, check: false })
  }
}
