import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until the condition holds. @throws Error naming `what` after `ms` */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 8_000,
): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await sleep(5)
  }
}
