/** `watch`. */
import type { EventReport } from '../../core/admin/events.js'
import { rest } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import { PluginAway } from '../client.js'
import { eventLine } from '../tables/events.js'
import {
  type AddVerbs,
  type Command,
  clientOf,
  examples,
  listing,
  say,
  type Tools,
  wantsJson,
} from '../verb.js'

/** How often it is tried whether the plugin is back. */
const AGAIN_MS = 500
const LOST =
  'the plugin has ended, or starts again: what happens meanwhile is not seen; watching goes on when it is back'

export const addWatch: AddVerbs = (tools) => {
  const watch = listing(tools.root, 'watch', 'what happens in the cluster, until ctrl-C')
  examples(watch, [
    ['tsoverlay watch', 'hosts, networks, containers and troubles, as they come and go'],
    ['tsoverlay watch --json | jq .what', 'one JSON document a line'],
  ]).action(async (_flags, own) => {
    const leaving = new AbortController()
    tools.terminal.onInterrupt?.(() => leaving.abort())
    const { signal } = leaving
    await follow(tools, own, signal)
    while (!signal.aborted) {
      tell(tools, LOST)
      await again(tools, own, signal)
    }
  })
}

/** Prints until the plugin ends, or the signal aborts. @throws as AdminClient does */
async function follow(tools: Tools, own: Command, signal: AbortSignal, patienceMs?: number) {
  const client = clientOf(own, patienceMs === undefined ? undefined : { patienceMs })
  for await (const event of client.follow<EventReport>('/events', signal)) {
    if (wantsJson(own)) tools.terminal.out(`${JSON.stringify(event)}\n`)
    else say(tools, eventLine(event))
  }
}

/** Follows once more, as soon as there is a plugin that lets us; each other reason is told once. */
async function again(tools: Tools, own: Command, signal: AbortSignal): Promise<void> {
  let told = ''
  while (!signal.aborted) {
    await rest(AGAIN_MS, signal)
    if (signal.aborted) return
    try {
      return await follow(tools, own, signal, 0)
    } catch (error) {
      const why = messageOf(error)
      if (!(error instanceof PluginAway) && why !== told) tell(tools, why)
      told = why
    }
  }
}

function tell({ terminal }: Tools, text: string): void {
  terminal.err(`tsoverlay: ${text}\n`)
}
