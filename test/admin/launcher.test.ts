import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { ownLibraries, writeLauncher } from '../../src/admin/launcher.js'

const run = promisify(execFile)

t.test("the script runs the plugin's node by the plugin's own loader", async (t) => {
  const dir = t.testdir({
    'cli.cjs':
      'console.log(process.env.TSOVERLAY_SOCKET, JSON.stringify(process.argv.slice(2)), __filename)',
  })
  const libraries = ownLibraries()
  writeLauncher({
    folder: `${dir}/run`,
    hostFolder: `${dir}/run`,
    node: process.execPath,
    cli: `${dir}/cli.cjs`,
    libraries,
    socket: '/run/x/admin.sock',
  })
  // Nothing of the host's is needed but a shell.
  // nor what the user's own node is told
  const env = { PATH: '/usr/bin:/bin', NODE_OPTIONS: '--require /nowhere/at-all.cjs' }
  const { stdout } = await run('/bin/sh', [`${dir}/run/cli`, 'host', 'rm', 'a b'], { env })
  t.match(stdout, /^\/run\/x\/admin\.sock \["host","rm","a b"\] /)
  writeFileSync(`${dir}/run/pid`, '4194304\n')
  await t.rejects(run('/bin/sh', [`${dir}/run/cli`, 'status'], { env }), {
    code: 1,
    stderr: /^tsoverlay: the plugin does not run on this host: .*\n$/,
  })
  t.match(readFileSync(`${dir}/run/cli`, 'utf8'), /^#!\/bin\/sh\n/)
})

t.test('loader and libraries are those of the process', (t) => {
  const maps = [
    '00400000-0055d000 r--p 00000000 fe:00 13 /usr/bin/node',
    '7f00-7f01 r-xp 00000000 fe:00 14 /lib/x86_64-linux-gnu/libc.so.6',
    '7f02-7f03 r-xp 00000000 fe:00 15 /usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30',
    '7f02-7f03 r-xp 00000000 fe:00 16 /app/node_modules/koffi/koffi.node',
    '7f04-7f05 r-xp 00000000 fe:00 17 /lib64/ld-linux-x86-64.so.2',
    '7ffd-7ffe r-xp 00000000 00:00 0 [vdso]',
  ]
  t.same(ownLibraries(maps.join('\n')), {
    loader: '/lib64/ld-linux-x86-64.so.2',
    folders: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64'],
  })
  t.throws(() => ownLibraries(''), /has no loader/)
  t.end()
})
