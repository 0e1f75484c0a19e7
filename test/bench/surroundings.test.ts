import t from 'tap'
import { busyShare, describe } from './surroundings.js'

const stat = (times: string): string => `cpu  ${times}\ncpu0 9 9 9 9 9 9 9 9 9 9\nctxt 1\n`

t.test('what has ended before the first look does not count', (t) => {
  const before = stat('90000 0 90000 1000 0 0 0 0 0 0')
  t.equal(busyShare(before, stat('90000 0 90000 1400 0 0 0 0 0 0')), 0)
  t.end()
})

t.test('all but idle and waiting for disks is busy, stolen time too', (t) => {
  const before = stat('10 10 10 10 10 10 10 10 0 0')
  t.equal(busyShare(before, stat('20 20 20 40 30 20 20 20 0 0')), 60 / 110)
  t.end()
})

t.test("guests' time is part of the user's and counts once", (t) => {
  t.equal(busyShare(stat('0 0 0 0 0 0 0 0 0 0'), stat('50 0 0 50 0 0 0 0 50 0')), 0.5)
  t.end()
})

t.test('two looks at the same moment tell of no load', (t) => {
  t.equal(busyShare(stat('1 2 3 4 5 6 7 8 0 0'), stat('1 2 3 4 5 6 7 8 0 0')), 0)
  t.end()
})

t.test('a busy machine is told of in one line, with how busy it was', (t) => {
  const on = { cpu: 'C', cores: 2, memoryGiB: 4, kernel: '6.1', node: 'v20', busy: 0.37 }
  t.equal(describe({ ...on, noisy: false }), '2 × C, 4 GiB, Linux 6.1, Node v20, 37 % busy before')
  t.match(describe({ ...on, noisy: true }), /\nNOISY: other things had 37 % [^\n]+$/)
  t.end()
})
