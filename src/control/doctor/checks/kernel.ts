/** Whether the kernel can make what networks are made of. */
import type { Dataplane } from '../../../core/ports.js'
import { type Check, type Found, failed, orOk } from '../check.js'

export function kernelCheck(dataplane: Pick<Dataplane, 'lacks'>): Check {
  return { name: 'kernel', look: async () => judgeKernel(await dataplane.lacks()) }
}

/** @param lacks what it is for, with the module's name in brackets → errno */
export function judgeKernel(lacks: ReadonlyMap<string, string>): readonly Found[] {
  const found = [...lacks].map(([what, code]) => {
    const module = /\((.+)\)$/.exec(what)?.[1] ?? what
    return failed(
      what,
      `the kernel cannot make ${what}: ${code}`,
      `modprobe ${module}, or a kernel that has it`,
    )
  })
  return orOk(found, 'the kernel has all that networks are made of')
}
