/** How a container's questions for names come to us, and do not when we are not well. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { until } from '../fakes/until.js'
import { inside, makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

/** Answers each datagram and each connection with its name in front of what was asked. */
const RESOLVER = `
const [name, host, port] = process.argv.slice(1)
const udp = require('node:dgram').createSocket('udp4')
udp.on('message', (asked, from) => udp.send(name + asked, from.port, from.address))
const tcp = require('node:net').createServer((one) => one.on('data', (asked) => one.end(name + asked)))
udp.bind(port, host, () => tcp.listen(port, host, () => console.log('there')))
`
/** Asks once and says what was answered. */
const CLIENT = `
const [kind] = process.argv.slice(1)
const said = (text) => { process.stdout.write(String(text)); process.exit() }
setTimeout(said, 3000, 'nothing')
if (kind === 'udp') {
  const udp = require('node:dgram').createSocket('udp4')
  udp.on('message', said)
  udp.send('?', 53, '127.0.0.11')
} else {
  const tcp = require('node:net').connect(53, '127.0.0.11', () => tcp.write('?'))
  tcp.on('data', said).on('error', said)
}
`
/** Asks again and again from one socket, without a pause that a tracked connection would end in. */
const KEEPER = `
const udp = require('node:dgram').createSocket('udp4')
udp.on('message', (answer) => console.log(String(answer)))
udp.on('error', () => undefined)
udp.connect(53, '127.0.0.11', () => setInterval(() => udp.send('?'), 100))
`

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  const container = `${netnsDir}/c1`
  const children: ChildProcess[] = []
  t.teardown(async () => {
    for (const child of children) child.kill()
    await dataplane.close()
    run('umount', '-l', container)
    unmountNetnsDir(netnsDir)
  })
  await t.test('a namespace is seen when dockerd makes it', async (t) => {
    const appeared: string[] = []
    dataplane.onNamespace((name) => appeared.push(name))
    t.equal(await dataplane.openNames('c1'), undefined, 'there is none yet')
    run('touch', container)
    await until('it is seen', () => appeared.includes('c1'))
    t.equal(await dataplane.openNames('c1'), undefined, 'a file is no namespace')
    run('unshare', `--net=${container}`, 'ip', 'link', 'set', 'lo', 'up')
  })

  await t.test('a place that is closed leaves nothing', async (t) => {
    const place = await dataplane.openNames('c1')
    if (place === undefined) throw new Error('no place')
    t.match(inside(container, 'nft', 'list', 'tables'), 'tsoverlay_names')
    closeSync(place.udp)
    closeSync(place.tcp)
    await place.close()
    t.equal(inside(container, 'nft', 'list', 'tables').trim(), '')
  })

  await t.test('a namespace of another user namespace', async (t) => {
    const remapped = `${netnsDir}/c2`
    run('touch', remapped)
    const shell = ['sh', '-c', 'ip link set lo up; echo there; exec sleep 60']
    const child = spawn('unshare', ['--user', '--map-root-user', '--net', ...shell])
    children.push(child)
    await once(child.stdout, 'data')
    run('mount', '--bind', `/proc/${child.pid}/ns/net`, remapped)
    t.teardown(() => run('umount', '-l', remapped))
    const place = await dataplane.openNames('c2')
    if (place === undefined) throw new Error('no place')
    t.equal(place.beat(), true)
    closeSync(place.udp)
    closeSync(place.tcp)
    await place.close()
  })

  await t.test('questions', async (t) => {
    /** Beside this process, as its own loop has to turn. */
    const ask = async (kind: 'udp' | 'tcp'): Promise<string> => {
      const client = [`--net=${container}`, process.execPath, '-e', CLIENT, kind]
      const child = spawn('nsenter', client, { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (chunk) => {
        said += chunk
      })
      await once(child, 'close')
      return said
    }
    const docker = spawn(
      'nsenter',
      [`--net=${container}`, process.execPath, '-e', RESOLVER, 'docker', '127.0.0.11', '53'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    children.push(docker)
    if (docker.stdout !== null) await once(docker.stdout, 'data')
    const place = await dataplane.openNames('c1')
    if (place === undefined) throw new Error('no place')
    const ours: Socket = createSocket('udp4')
    ours.on('message', (asked, from) => ours.send(`ours${asked}`, from.port, from.address))
    ours.bind({ fd: place.udp })
    const connections = createServer((one) => one.on('data', (asked) => one.end(`ours${asked}`)))
    connections.listen({ fd: place.tcp })
    await once(connections, 'listening')
    t.teardown(async () => {
      ours.close()
      connections.close()
      await place.close()
    })

    t.test('they come here as long as we say that we are well', async (t) => {
      t.equal(place.beat(), true)
      t.equal(await ask('udp'), 'ours?')
      t.equal(await ask('tcp'), 'ours?')
    })

    t.test('what we ask ourselves goes to Docker', async (t) => {
      place.beat()
      const socket = createSocket('udp4')
      t.teardown(() => socket.close())
      socket.bind({ fd: place.openUdp() })
      socket.send('?', 53, '127.0.0.11')
      const [answer] = await once(socket, 'message')
      t.equal(String(answer), 'docker?')
    })

    t.test('port 53 is free for the container', async (t) => {
      const child = spawn('nsenter', [
        `--net=${container}`,
        ...[process.execPath, '-e', RESOLVER, 'app', '127.0.0.12', '53'],
      ])
      children.push(child)
      const [said] = await once(child.stdout, 'data')
      t.match(String(said), /there/)
    })

    t.test('five seconds after the last word of us Docker answers again', async (t) => {
      place.beat()
      await sleep(5_100)
      t.equal(await ask('udp'), 'docker?')
      t.equal(await ask('tcp'), 'docker?')
    })

    t.test('a program that keeps its socket is not left alone', async () => {
      place.beat()
      const client = [`--net=${container}`, process.execPath, '-e', KEEPER]
      const child = spawn('nsenter', client, { stdio: ['ignore', 'pipe', 'inherit'] })
      children.push(child)
      const answers: string[] = []
      child.stdout.on('data', (chunk) => answers.push(...String(chunk).trim().split('\n')))
      await until('it was answered here', () => answers.includes('ours?'))
      await until('and there', () => answers.at(-1) === 'docker?', 20_000)
      place.beat()
      await until('and here again', () => answers.at(-1) === 'ours?')
    })

    t.test('a table that is gone is noticed and made anew', async (t) => {
      inside(container, 'nft', 'flush', 'ruleset')
      t.equal(place.beat(), false)
      await place.repair()
      t.equal(place.beat(), true)
      t.match(
        inside(container, 'nft', 'list', 'table', 'ip', 'tsoverlay_names'),
        /ip daddr set 127\.0\.0\.12 udp dport set \d+/,
      )
    })
  })
})
