import t from 'tap'
import { packagesOf } from '../../plugin/licences.js'

t.test('the packages of a bundle, also one inside another', (t) => {
  const inputs = [
    'node_modules/pino/lib/proto.js',
    'node_modules/streamx/node_modules/b4a/index.js',
    'node_modules/@x/y/z.js',
    'node_modules/@x/y/node_modules/@q/r/lib/z.js',
    'src/main.ts',
  ]
  t.same(packagesOf(inputs), ['pino', 'streamx/node_modules/b4a', '@x/y', '@x/y/node_modules/@q/r'])
  t.end()
})
