/** A name server in a container of the network, named by `docker run --dns`. */
import root from 'tap'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn } from './synced.js'
import { eventually } from './traces.js'

const ANSWER = '192.0.2.77'
/** Answers each question for an address with ANSWER, and says who asked. */
const SERVER = `
const socket = require('dgram').createSocket('udp4')
const answer = (query) => {
  let at = 12
  while (query[at] !== 0) at += query[at] + 1
  const isA = query.readUInt16BE(at + 1) === 1
  const head = Buffer.from(query.subarray(0, at + 5))
  head.writeUInt16BE(0x8580, 2)
  head.writeUInt16BE(isA ? 1 : 0, 6)
  head.writeUInt32BE(0, 8)
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ${ANSWER.replaceAll('.', ',')}]
  return isA ? Buffer.concat([head, Buffer.from(record)]) : head
}
socket.on('message', (query, from) => {
  console.log('asked by ' + from.address)
  socket.send(answer(query), from.port, from.address)
})
socket.bind(53)
`
const ROOT =
  'cd /shared/plugin/rootfs && tar -c usr/bin/node lib $(ls -d lib64 usr/lib 2>/dev/null)'

async function serve(host: Host, network: string): Promise<string> {
  await host.sh(['sh', '-c', `${ROOT} | docker import - names`], { timeoutMs: 120_000 })
  const run = ['run', '-d', '--name', 'names', '--net', network, 'names', 'node', '-e', SERVER]
  await host.docker(run)
  return addressOf(host, 'names', network)
}

for (const flags of [[], ['--internal']]) {
  for (const at of [1, 2]) {
    root.test(`--dns of a container on h${at}, network create ${flags.join(' ')}`, async (t) => {
      const lab = await sharedLab(t, 'on')
      const host = lab.host(1)
      await createNetwork(host, 'blue', flags)
      t.equal(await appearsOn(lab.hosts, 'blue'), lab.hosts.length)
      const server = lab.host(at)
      t.teardown(() => server.docker(['rmi', '-f', 'names'], { check: false }))
      const address = await serve(server, 'blue')
      const run = ['run', '-d', '--name', 'asker', '--net', 'blue', '--dns', address, 'lab']
      await host.docker([...run, 'sleep', '3600'])
      const ask = ['exec', 'asker', 'nslookup', 'example.test']
      const answered = async (): Promise<string> =>
        (await host.docker(ask, { check: false, timeoutMs: 10_000 })).stdout
      t.match(await eventually(answered, (text) => text.includes(ANSWER)), ANSWER)
      const asker = await addressOf(host, 'asker', 'blue')
      t.match((await server.docker(['logs', 'names'])).stdout, `asked by ${asker}\n`)
    })
  }
}
