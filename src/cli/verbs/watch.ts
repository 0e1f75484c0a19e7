/** `watch`. */
import type { EventReport } from '../../core/admin/events.js'
import { CliFailure } from '../failure.js'
import { eventLine } from '../tables/events.js'
import { type AddVerbs, clientOf, examples, listing, say, wantsJson } from '../verb.js'

export const addWatch: AddVerbs = (tools) => {
  const watch = listing(tools.root, 'watch', 'what happens in the cluster, until ctrl-C')
  examples(watch, [
    ['tsoverlay watch', 'hosts, networks, containers and troubles, as they come and go'],
    ['tsoverlay watch --json | jq .what', 'one JSON document a line'],
  ]).action(async (_flags, own) => {
    const leaving = new AbortController()
    tools.terminal.onInterrupt?.(() => leaving.abort())
    const { signal } = leaving
    for await (const event of clientOf(own).follow<EventReport>('/events', signal)) {
      if (wantsJson(own)) tools.terminal.out(`${JSON.stringify(event)}\n`)
      else say(tools, eventLine(event))
    }
    if (!signal.aborted) throw new CliFailure('the plugin has ended, or starts again: watch anew')
  })
}
