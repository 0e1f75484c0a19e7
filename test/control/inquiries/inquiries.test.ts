import t from 'tap'
import type { Answer } from '../../../src/core/inquiry.js'
import { VERSION } from '../../../src/core/version.js'
import { documents } from '../../../src/state/documents.js'
import { keys } from '../../../src/state/keys.js'
import { until } from '../../fakes/until.js'
import { twoHosts } from '../host.js'

interface Scope {
  teardown(work: () => unknown): unknown
}

/** Two hosts that have announced themselves and know each other. */
async function cluster(t: Scope) {
  const both = await twoHosts(t)
  const { a, b, store } = both
  for (const each of [a, b]) {
    await each.presence.start()
    await store.txn([], [{ put: keys.host(each.identity.id), value: record(each.identity) }])
  }
  await until('a knows b', () => a.peers.hosts().length === 2)
  return { ...both, idOfB: b.identity.id }
}

function record(identity: { readonly id: string; readonly name: string; readonly boot: string }) {
  return documents.host.encode({ ...identity, vtep: '192.0.2.9' as never })
}

t.test('a host answers another one, and nothing stays in the store', async (t) => {
  const { a, store, idOfB } = await cluster(t)
  t.match(await a.inquiries.ask(idOfB, 'about', {}), { version: VERSION, time: Number })
  await until('all is gone', async () => (await store.keys('/inquiries/')).length === 0)
})

t.test('a host asks itself without the store', async (t) => {
  const { a } = await cluster(t)
  a.store.unavailable = true
  t.match(await a.inquiries.ask(a.identity.id, 'about', {}), { version: VERSION })
})

t.test('several questions at once find their own answers', async (t) => {
  const { a, b, idOfB, store } = await cluster(t)
  let time = 0
  b.inquiries.on('about', () => ({ version: VERSION, time: ++time }))
  const answers = await Promise.all([1, 2, 3].map(() => a.inquiries.ask(idOfB, 'about', {})))
  t.same(answers.map((answer) => answer.time).sort(), [1, 2, 3])
  await until('all is gone', async () => (await store.keys('/inquiries/')).length === 0)
})

t.test('an unknown host', async (t) => {
  const { a } = await cluster(t)
  await t.rejects(a.inquiries.ask('nobody', 'about', {}), {
    code: 'HOST_UNKNOWN',
    message: 'the cluster has no host with the id "nobody"',
  })
})

t.test('a host whose plugin does not run is known at once', async (t) => {
  const { a, b, idOfB } = await cluster(t)
  b.store.expireLeases()
  const asking = a.inquiries.ask(idOfB, 'about', {}, { withinMs: 3_600_000 })
  await t.rejects(asking, {
    code: 'HOST_SILENT',
    message: /does not answer: its plugin does not run, or does not reach the store/,
  })
})

t.test('a host that hangs, and an asker that does not wait', async (t) => {
  const { a, b, idOfB } = await cluster(t)
  let seen: AbortSignal | undefined
  b.inquiries.on('about', (_params, { signal }) => {
    seen = signal
    return new Promise<Answer<'about'>>(() => undefined)
  })
  await t.rejects(a.inquiries.ask(idOfB, 'about', {}, { withinMs: 50 }), {
    code: 'HOST_SILENT',
    message: /does not answer: no answer within 50 ms/,
  })
  await until('whoever answers is told', () => seen?.aborted === true)
  seen = undefined
  const gone = new AbortController()
  const asking = a.inquiries.ask(idOfB, 'about', {}, { signal: gone.signal })
  await until('it is asked', () => seen !== undefined)
  gone.abort()
  await t.rejects(asking, { code: 'DEADLINE_EXCEEDED' })
})

t.test('what goes wrong on the other host is said there and here', async (t) => {
  const { a, b, idOfB } = await cluster(t)
  b.inquiries.on('about', () => {
    throw new Error('the disk is full')
  })
  await t.rejects(a.inquiries.ask(idOfB, 'about', {}), {
    code: 'INQUIRY_REFUSED',
    message: /^host .* cannot answer: the disk is full$/,
  })
})

t.test('hosts of another version', async (t) => {
  const { a, b, idOfB, store } = await cluster(t)
  b.inquiries.on('about', () => ({ version: VERSION }) as never)
  await t.rejects(a.inquiries.ask(idOfB, 'about', {}), {
    code: 'INQUIRY_REFUSED',
    message: /answers "about" in a way of its version .* bring both to one version/,
  })
  const ask = async (kind: string, params: unknown): Promise<string | undefined> => {
    const lease = await store.lease(30)
    const question = { from: 'x', kind, params, lease: lease.id, withinMs: 1_000 }
    const value = documents.question.encode(question)
    await store.txn([], [{ put: keys.question(idOfB, kind), value, lease }])
    let answer: string | undefined
    await until('it is answered', async () => {
      answer = (await store.get(keys.answer('x', kind)))?.value
      return answer !== undefined
    })
    await lease.revoke()
    return documents.answer.decode(answer ?? '')?.error?.message
  }
  t.equal(await ask('toString', {}), `version ${VERSION} of the plugin does not know "toString"`)
  t.equal(
    await ask('about', 'everything'),
    `version ${VERSION} of the plugin does not understand this "about"`,
  )
})

t.test('all are asked: those that do not answer are named, the others answer', async (t) => {
  const { a, b, idOfB } = await cluster(t)
  const found = new Map<string, string>()
  b.store.expireLeases()
  for await (const reply of a.inquiries.askAll([idOfB, a.identity.id, 'nobody'], 'about', {}))
    found.set(reply.host.id, 'answer' in reply ? reply.answer.version : reply.error.code)
  t.same(
    found,
    new Map([
      ['nobody', 'HOST_UNKNOWN'],
      [a.identity.id, VERSION],
      [idOfB, 'HOST_SILENT'],
    ]),
  )
})

t.test('watches that break lose no question and no answer', async (t) => {
  const { a, b, idOfB } = await cluster(t)
  b.inquiries.on('about', async () => {
    a.store.breakWatches()
    b.store.breakWatches()
    return { version: VERSION, time: 1 }
  })
  t.match(await a.inquiries.ask(idOfB, 'about', {}), { time: 1 })
})

t.test('a store that is away is said', async (t) => {
  const { a, idOfB } = await cluster(t)
  a.store.unavailable = true
  await t.rejects(a.inquiries.ask(idOfB, 'about', {}), { code: 'STORE_UNAVAILABLE' })
  a.store.unavailable = false
  t.match(await a.inquiries.ask(idOfB, 'about', {}), { version: VERSION })
})
