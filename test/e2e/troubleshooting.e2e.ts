/**
 * docs/troubleshooting.md: its comments break a lab, its commands are typed there, and have to print what stands below
 * them. UPDATE=1 writes what is printed now.
 */
import t from 'tap'
import { playPage } from '../tour/play.js'
import { sharedLab } from './shared-lab.js'

t.test('troubles', async (t) => {
  await playPage(t, await sharedLab(t, 'on'), 'troubleshooting.md')
})
