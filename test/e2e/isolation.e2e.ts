import t from 'tap'
import { expectNoPing, expectPing } from '../lab/conncheck.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'

t.test('two networks on the same hosts do not reach each other', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) {
    await createNetwork(host, 'blue', ['--subnet', '10.20.0.0/16'])
    await createNetwork(host, 'red', ['--subnet', '10.30.0.0/16'])
  }
  await runSleeper(one, 'blue1', 'blue')
  await runSleeper(two, 'blue2', 'blue')
  await runSleeper(two, 'red2', 'red')
  await expectPing(one, 'blue1', await addressOf(two, 'blue2', 'blue'))
  await expectNoPing(one, 'blue1', await addressOf(two, 'red2', 'red'))
  await expectNoPing(two, 'blue2', await addressOf(two, 'red2', 'red'))
})

t.test('overlapping pools under different names are different networks', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const named = (name: string): string[] => [
    ...['--subnet', '10.20.0.0/16', '-o', `network=${name}`, '--ipam-opt', `network=${name}`],
  ]
  for (const host of [one, two]) {
    await createNetwork(host, 'north', named('north'))
    await createNetwork(host, 'south', named('south'))
  }
  // The same address in both: each asks for it in its own address space.
  await runSleeper(two, 'north2', 'north', ['--ip', '10.20.0.77'])
  await runSleeper(two, 'south2', 'south', ['--ip', '10.20.0.77'])
  await runSleeper(one, 'north1', 'north')
  await runSleeper(one, 'south1', 'south')
  const serve = (name: string): string[] => [
    'exec',
    `${name}2`,
    'sh',
    '-c',
    `mkdir /www; echo ${name} >/www/index.html; httpd -h /www`,
  ]
  for (const name of ['north', 'south']) {
    await two.docker(serve(name))
    const { stdout } = await one.docker([
      'exec',
      `${name}1`,
      'wget',
      '-q',
      '-T',
      '5',
      '-O',
      '-',
      'http://10.20.0.77/',
    ])
    t.equal(stdout.trim(), name)
  }
  // What only the other network has stays out of reach.
  await runSleeper(two, 'south3', 'south', ['--ip', '10.20.0.78'])
  await expectNoPing(one, 'north1', '10.20.0.78')
})
