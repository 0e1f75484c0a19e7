import t from 'tap'
import { Problems } from '../../../src/control/troubles/problems.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'

t.test(
  'each part replaces what it said before, and the log has what is new and what is over',
  async (t) => {
    const logger = new RecordingLogger()
    const problems = new Problems(logger)
    problems.report('mtu', new Map([['h2', 'small']]))
    problems.report('mtu', new Map([['h2', 'small']]))
    problems.report('ranges', new Map([['blue', 'overlaps']]))
    t.equal(logger.count('not well'), 2)
    problems.report('mtu', new Map())
    t.equal(logger.count('well again'), 1)
    t.same(problems.list(), [{ part: 'ranges', about: 'blue', problem: 'overlaps' }])
  },
)
