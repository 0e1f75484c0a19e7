/**
 * docs/tour.md: every command on it is typed, and has to print what stands below it, but for ids, MACs and
 * indices that differ from run to run. UPDATE=1 writes what is printed now.
 */
import t from 'tap'
import { playPage } from '../tour/play.js'
import { sharedLab } from './shared-lab.js'

t.test('the tour', async (t) => {
  await playPage(t, await sharedLab(t, 'on'), 'tour.md')
})
