/** What the kernel refuses, as errors of ours. */
import { TsoverlayError } from '../core/errors.js'
import { type Item, itemText } from '../core/item.js'
import type { ApplyFailure } from '../core/ports.js'

/** KERNEL_FAILED; `reason` completes the sentence "<what>: <reason>". */
export function kernelFailed(what: string, reason: string, cause?: unknown): TsoverlayError {
  return new TsoverlayError('KERNEL_FAILED', `${what}: ${reason}`, cause)
}

/** KERNEL_FAILED for an errno name such as `ENOBUFS`. */
export function refused(what: string, code: string): TsoverlayError {
  const reason =
    code === 'ETIMEDOUT' ? 'the kernel did not answer in time' : `the kernel refused it (${code})`
  return kernelFailed(what, reason)
}

/** VNI_TAKEN for a device that cannot be made; `holder` is who has the VNI on that port. */
export function vniTaken(
  item: string,
  { vni, port }: { readonly vni: number; readonly port: number },
  holder: string,
): TsoverlayError {
  return new TsoverlayError(
    'VNI_TAKEN',
    `${item}: VNI ${vni} on UDP port ${port} is taken on this host by ${holder}: remove that one, or create the network anew on all hosts with another VNI`,
  )
}

export function failureOf(item: Item, error: unknown): ApplyFailure {
  return {
    item,
    error:
      error instanceof TsoverlayError
        ? error
        : kernelFailed(
            itemText(item),
            error instanceof Error ? error.message : String(error),
            error,
          ),
  }
}

/** What one table did in one pass. */
export interface TableResult {
  readonly written: number
  readonly drift: number
  readonly failures: readonly ApplyFailure[]
  /** why this kernel cannot do it, if it cannot */
  readonly unsupported?: string
  /** what of others on this host works against what is planned, and what to do about it */
  readonly obstacle?: string
}

export function sumOf(results: readonly TableResult[]): TableResult {
  const unsupported = results.find((result) => result.unsupported !== undefined)?.unsupported
  const obstacle = results.find((result) => result.obstacle !== undefined)?.obstacle
  return {
    ...(unsupported === undefined ? {} : { unsupported }),
    ...(obstacle === undefined ? {} : { obstacle }),
    written: results.reduce((sum, { written }) => sum + written, 0),
    drift: results.reduce((sum, { drift }) => sum + drift, 0),
    failures: results.flatMap(({ failures }) => failures),
  }
}
