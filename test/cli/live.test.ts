/** `tsoverlay trace --live` against a real admin socket over hosts in memory. */
import t, { type Test } from 'tap'
import { withoutColour } from '../../src/cli/colour.js'
import { liveText } from '../../src/cli/tables/live.js'
import type { LiveReport } from '../../src/core/admin/live.js'
import { ipOf } from '../../src/core/ip.js'
import { pairOfHosts } from '../admin/resources.js'
import { idOf } from '../control/host.js'
import { cli, listen } from './run.js'

/** A host with two containers. */
async function pair(t: Test) {
  const { b } = await pairOfHosts(t)
  const [from, to] = [
    ipOf(await b.docker.run(idOf('on b'), idOf('one'))),
    ipOf(await b.docker.run(idOf('on b'), idOf('two'))),
  ]
  return { b, from, to, socket: await listen(t, b) }
}

t.test('five probes unless told, and exit code 3 when some are lost', async (t) => {
  const { b, from, to, socket } = await pair(t)
  const well = await cli(socket, 'trace', '--live', from, to)
  t.equal(well.code, 0)
  t.match(well.out, new RegExp(`^\\S+ \\(${from}\\) to ${to} \\(${to}\\): 5 echo requests\n`))
  t.match(well.out, /\n\n5 of 5 arrived, and as many answers came back\n$/)
  b.dataplane.live.sent = 0
  b.dataplane.live.heard.set('eth0 answers', 1)
  const lost = await cli(socket, 'trace', '--live', from, `${to}:443`, '--count', '2', '--json')
  t.equal(lost.code, 3)
  const report = JSON.parse(lost.out) as LiveReport
  t.match(report, { protocol: 'tcp', port: 443, sent: 2, answered: 1, verdict: 'failed' })
  t.match(report.next[0]?.command, new RegExp(`^tsoverlay trace \\S+ ${to}:443$`))
})

t.test('what is not allowed is said', async (t) => {
  const of = async (...argv: string[]) => {
    const { code, err } = await cli('/nowhere', 'trace', 'web', 'db', ...argv)
    t.equal(code, 2, argv.join(' '))
    return err
  }
  t.match(await of('--count', '3'), /--count is not valid without --live/)
  for (const count of ['0', '21', 'x', '1.5'])
    t.match(await of('--live', '--count', count), /a number from 1 to 20/)
  t.match((await cli('/nowhere', 'trace', 'web', 'db:53', '--live', '--udp')).err, /with --live/)
  const { socket } = await pair(t)
  const nobody = await cli(socket, 'trace', '--live', '10.20.9.9', '10.20.9.8')
  t.equal(nobody.code, 1)
  t.match(nobody.err, /no container is called "10\.20\.9\.9"/)
})

t.test('the table marks where they are lost, and what could not listen', async (t) => {
  const hop = { host: 'h1', look: { in: '', out: '' }, way: 'in' as const, answers: 0 }
  const text = liveText({
    ...{ from: 'web (10.20.0.5)', to: 'db (10.20.0.9)', protocol: 'tcp', port: 80 },
    ...{ sent: 5, answered: 0, verdict: 'failed', says: 'lost', lost: { hop: 2, back: false } },
    hops: [
      { ...hop, hop: 'container', about: 'eth0 of web', heard: 5 },
      { host: 'h1', hop: 'port', about: 'veth1', way: 'in', look: hop.look, problem: 'not there' },
      { ...hop, hop: 'vxlan device', about: 'vxlan0', heard: 2 },
      { ...hop, hop: 'underlay', about: 'eth0', heard: 2 },
    ],
    next: [{ host: 'h1', command: 'tsoverlay trace web db:80' }],
  })
  t.equal(
    withoutColour(text),
    [
      'web (10.20.0.5) to db (10.20.0.9): 5 first packets of TCP to port 80',
      '                                 HEARD      ANSWERS',
      'ok    h1  eth0 of web            5 of 5     0 of 5',
      '?     h1  veth1 (port)           not there',
      'FAIL  h1  vxlan0 (vxlan device)  2 of 5     0 of 5',
      '-     h1  eth0 (underlay)        2 of 5     0 of 5',
      '',
      'lost',
      'next: on h1: tsoverlay trace web db:80',
      '',
    ].join('\n'),
  )
})
