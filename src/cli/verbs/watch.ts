/** `watch`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventReport } from '../../core/admin/events.js'
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

/** How often a plugin that has gone is looked for. */
const AGAIN_MS = 1_000

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
      tools.terminal.err(
        'tsoverlay: the connection to the plugin was lost: it has ended, or starts again. Events follow when it is back\n',
      )
      await goneOn(tools, own, signal)
    }
  })
}

/** Until the plugin ends, or ctrl-C. @throws Error when it does not answer, or refuses */
async function follow(tools: Tools, own: Command, signal: AbortSignal): Promise<void> {
  for await (const event of clientOf(own).follow<EventReport>('/events', signal)) {
    if (wantsJson(own)) tools.terminal.out(`${JSON.stringify(event)}\n`)
    else say(tools, eventLine(event))
  }
}

/** Follows a plugin that was there before, as soon as it is back: it, or its store, may still be starting. */
async function goneOn(tools: Tools, own: Command, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await follow(tools, own, signal)
    } catch {
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
