import t from 'tap'
import { Departures } from '../../../src/control/endpoints/departures.js'
import { hostLinkName } from '../../../src/core/names.js'
import type { DockerNetworkId, EndpointId } from '../../../src/core/types.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { until } from '../../fakes/until.js'

const BLUE = 'b'.repeat(64) as DockerNetworkId
const WEB = 'e1'.repeat(32) as EndpointId
const DB = 'e2'.repeat(32) as EndpointId
const [WEB_LINK, DB_LINK] = [hostLinkName(WEB), hostLinkName(DB)]

function setup(delayMs: number, present: readonly EndpointId[] = []) {
  const calls: string[] = []
  const endpoints = new Map(present.map((id) => [id, { id }]))
  const logger = new RecordingLogger()
  const departures = new Departures({
    journal: { endpoints },
    reconciler: {
      settle: async () => {
        calls.push('pass')
      },
    },
    dataplane: {
      deleteHostLink: async (name) => {
        calls.push(name)
        if (name === DB_LINK) throw new Error('the kernel says no')
      },
    },
    logger,
    delayMs,
  })
  return { calls, departures, logger }
}

t.test('those that leave together go in one pass, a moment later', async (t) => {
  const { calls, departures } = setup(20)
  departures.note(BLUE)
  departures.note(BLUE, WEB_LINK)
  departures.note(BLUE)
  t.same(calls, [])
  await until('the pass has ended', () => calls.length === 2)
  t.same(calls, ['pass', WEB_LINK])
})

t.test('at the end of the plugin nothing that waits is left behind', async (t) => {
  const { calls, departures, logger } = setup(60_000)
  departures.note(BLUE, DB_LINK)
  departures.note(BLUE, WEB_LINK)
  await departures.close()
  t.same(calls, ['pass', DB_LINK, WEB_LINK])
  t.equal(logger.count('veth of a deleted endpoint not removed'), 1)
  await departures.close()
  t.equal(calls.length, 3)
})

t.test('the link of an endpoint that was made again meanwhile stays', async (t) => {
  const { calls, departures } = setup(60_000, [WEB])
  departures.note(BLUE, WEB_LINK)
  await departures.close()
  t.same(calls, ['pass'])
})
