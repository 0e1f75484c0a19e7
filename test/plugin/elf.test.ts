import t from 'tap'
import { parseLdd } from '../../plugin/elf.js'

t.test('libraries and the loader are taken from the output of ldd, the vdso is not', async (t) => {
  const output = `\tlinux-vdso.so.1 (0x0000ffff9a5c0000)
\tlibdl.so.2 => /lib/aarch64-linux-gnu/libdl.so.2 (0x0000ffff9a550000)
\tlibc.so.6 => /lib/aarch64-linux-gnu/libc.so.6 (0x0000ffff9a3a0000)
\t/lib/ld-linux-aarch64.so.1 (0x0000ffff9a587000)
`
  t.same(parseLdd(output, 'node'), [
    '/lib/aarch64-linux-gnu/libdl.so.2',
    '/lib/aarch64-linux-gnu/libc.so.6',
    '/lib/ld-linux-aarch64.so.1',
  ])
})

t.test('a library that the machine does not have stops the build with its name', async (t) => {
  t.throws(() => parseLdd('\tlibfoo.so.1 => not found\n', '/x/addon.node'), {
    message: '/x/addon.node needs libfoo.so.1, which is not installed',
  })
})
