/** The probes of a trace, and the wait for their answers. */
import { randomBytes } from 'node:crypto'
import { rest } from '../../../core/deadline.js'
import type { Params } from '../../../core/inquiry.js'
import type { Ip } from '../../../core/ip.js'
import { type Flow, type LivePackets, type OpenSender, PROBE_NUMBERS } from '../../../core/live.js'
import type { Place } from '../../../core/plan.js'
import type { Listening } from './listening.js'

const APART_MS = 100
/** How long answers are waited for behind the last probe. */
const ANSWER_MS = 600
const LOOK_MS = 20

/** How long so many take at most (ms). */
export function durationOf(count: number): number {
  return count * APART_MS + ANSWER_MS
}

/** With a random mark. */
export function flowOf({ protocol, port }: Params<'live'>, from: Ip, to: Ip): Flow {
  const bytes = randomBytes(8)
  bytes[7] = (bytes[7] ?? 0) & ~PROBE_NUMBERS
  const mark = bytes.toString('hex')
  return { from, to, protocol, mark, ...(port === undefined ? {} : { port }) }
}

export interface Outcome {
  /** probes that the kernel has taken */
  readonly sent: number
  /** the name of an errno, of those that it has not */
  readonly refused?: string
}

/** @param where the container's namespace @param listening begins with the container's own interface */
export async function probe(
  live: LivePackets,
  { flow, count }: { readonly flow: Flow; readonly count: number },
  where: Place,
  listening: Listening,
): Promise<Outcome> {
  const sender = live.sender(flow, where, count)
  if (typeof sender === 'string') return { sent: 0, refused: sender }
  try {
    const outcome = await sendAll(sender, count)
    const isAnswered = (): boolean => (listening.hops()[0]?.answers ?? 0) >= outcome.sent
    for (let waited = 0; waited < ANSWER_MS && !isAnswered(); waited += LOOK_MS)
      await pause(LOOK_MS)
    return outcome
  } finally {
    sender.close()
  }
}

async function sendAll(sender: OpenSender, count: number): Promise<Outcome> {
  let sent = 0
  let refused: string | undefined
  for (let number = 0; number < count; number += 1) {
    if (number > 0) await pause(APART_MS)
    const error = sender.send(number)
    if (error === undefined) sent += 1
    refused ??= error
  }
  return { sent, ...(refused === undefined ? {} : { refused }) }
}

function pause(ms: number): Promise<void> {
  return rest(ms, new AbortController().signal)
}
