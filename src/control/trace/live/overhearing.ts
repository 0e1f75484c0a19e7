/**
 * Hears probes of other hosts on their way to containers of this one: the kinds `overhear` and
 * `overheard` of core/inquiry.ts.
 */
import { TsoverlayError } from '../../../core/errors.js'
import type { Answer, Params } from '../../../core/inquiry.js'
import type { Flow } from '../../../core/live.js'
import type { HostId } from '../../../core/types.js'
import type { Inquiries } from '../../inquiries/inquiries.js'
import { type Arrival, arrivalOf, leadBack, plannedRange } from '../arrival.js'
import { statesOf } from '../elsewhere.js'
import type { TraceParts } from '../parts.js'
import { Listening } from './listening.js'
import { type Spot, spotsIn } from './spots.js'

/** Traces at once; each has eight sockets. */
const MOST = 8

interface Open {
  readonly listening: Listening
  readonly timer: NodeJS.Timeout
}

export class Overhearing {
  readonly #parts: TraceParts
  /** by mark */
  readonly #open = new Map<string, Open>()

  constructor(parts: TraceParts, inquiries: Pick<Inquiries, 'on'>) {
    this.#parts = parts
    inquiries.on('overhear', (question, { from }) => this.#listen(question, from))
    inquiries.on('overheard', ({ mark }) => this.#tell(mark))
  }

  async #listen(question: Params<'overhear'>, asker: HostId): Promise<Answer<'overhear'>> {
    const parts = this.#parts
    const arrival = arrivalOf(parts, { ...question, host: asker }, await statesOf(parts))
    const spots = arrival && (await spotsOf(parts, arrival, question.tunnelled))
    if (arrival === undefined || spots === undefined) return { listens: false }
    if (this.#open.size >= MOST)
      throw new TsoverlayError('INQUIRY_REFUSED', `it listens for ${MOST} traces already`)
    const { mark, forMs } = question
    this.#close(mark)
    const flow: Flow = {
      ...{ from: arrival.path.other.ip, to: arrival.ip, mark, protocol: question.protocol },
      ...(question.port === undefined ? {} : { port: question.port }),
    }
    const listening = new Listening(parts.dataplane.live, parts.identity.name, flow, spots)
    const timer = setTimeout(() => this.#close(mark), forMs).unref()
    this.#open.set(mark, { listening, timer })
    return { listens: true }
  }

  #tell(mark: string): Answer<'overheard'> {
    const hops = this.#open.get(mark)?.listening.hops() ?? []
    this.#close(mark)
    return { hops: [...hops] }
  }

  #close(mark: string): void {
    const open = this.#open.get(mark)
    clearTimeout(open?.timer)
    open?.listening.close()
    this.#open.delete(mark)
  }
}

async function spotsOf(
  parts: TraceParts,
  arrival: Arrival,
  tunnelled: boolean,
): Promise<readonly Spot[] | undefined> {
  const { path, way } = arrival
  const part = parts.reconciler.partOf(path.binding.dockerNetwork)
  const { host } = path.other
  if (part === undefined || host === undefined) return undefined
  const lead = leadBack(parts, arrival, host, await plannedRange(parts, path))
  return spotsIn(parts, { path, part, lead, vtep: way.vtep }, tunnelled)
}
