/** A machine that is switched on with a copy of another's disk, as from a VM template. */
import { copyDisk, idOf } from '../lab/clone.js'
import type { Host } from '../lab/host.js'

/**
 * The copy stays: it is a host of its own from then on, and so are its containers. The host that was
 * on its machine before never returns.
 * @param other does what an administrator does about that one
 * @returns what is not as it should be, in words
 */
export async function cloneHost(from: Host, to: Host, other: Host): Promise<string[]> {
  const [id, former] = [await idOf(from), await idOf(to)]
  await copyDisk(from, to)
  await other.sh(['/run/tsoverlay/cli', 'host', 'rm', '--force', former], { timeoutMs: 60_000 })
  await from.boot()
  await to.boot()
  await takeOver(from, to)
  const [own, copied] = [await idOf(from), await idOf(to)]
  return [
    ...(own === id ? [] : [`${from.name} has the id ${own}, had ${id} before it was copied`]),
    ...(copied === id || copied === former ? [`${to.name}, a copy, has the id ${copied}`] : []),
  ]
}

/** The copied containers take the names that the host's operations use; all run, here and there. */
async function takeOver(from: Host, to: Host): Promise<void> {
  const { stdout } = await to.docker(['ps', '-a', '--format', '{{.Names}}'])
  const prefix = `${from.name}-`
  for (const name of stdout.split('\n').filter((one) => one.startsWith(prefix))) {
    const renamed = `${to.name}-${name.slice(prefix.length)}`
    await to.docker(['rename', name, renamed])
    for (const [host, one] of [
      [from, name],
      [to, renamed],
    ] as const)
      await host.docker(['start', one], { check: false })
  }
}
