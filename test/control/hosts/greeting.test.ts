import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Greeting } from '../../../src/control/hosts/greeting.js'
import type { Ip } from '../../../src/core/ip.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'

const host = (id: string, vtep: string) => ({ id, name: id, vtep: vtep as Ip, boot: 'boot' })

t.test('each other host gets one datagram, and one more from another address', async (t) => {
  const other = createSocket('udp4')
  t.teardown(() => other.close())
  const senders: string[] = []
  other.on('message', (_data, { address }) => senders.push(address))
  other.bind(0, '127.0.0.3')
  await once(other, 'listening')
  const { port } = other.address()
  const greeting = new Greeting({ self: 'a', port, logger: new RecordingLogger() })
  const hosts = [host('a', '127.0.0.2'), host('b', '127.0.0.3'), host('c', 'fd10::3')]
  greeting.greet(undefined, hosts)
  greeting.greet('127.0.0.2' as Ip, hosts)
  greeting.greet('127.0.0.2' as Ip, hosts)
  await once(other, 'message')
  await sleep(100)
  t.same(senders, ['127.0.0.2'])
  greeting.greet('127.0.0.4' as Ip, hosts)
  await once(other, 'message')
  t.same(senders, ['127.0.0.2', '127.0.0.4'])
})

t.test('an address that the host does not have any more is no error', async (t) => {
  const logger = new RecordingLogger()
  const greeting = new Greeting({ self: 'a', port: 9, logger })
  greeting.greet('192.0.2.9' as Ip, [host('b', '127.0.0.3')])
  await sleep(100)
  t.pass()
})
