import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { writeLauncher } from '../../src/admin/launcher.js'

const run = promisify(execFile)

t.test('the script finds the running plugin by its process id', async (t) => {
  const dir = t.testdir({ bin: {} })
  // A stand-in for nsenter, which needs root: shows how it is called.
  writeFileSync(`${dir}/bin/nsenter`, '#!/bin/sh\necho "$TSOVERLAY_SOCKET $*"\n', { mode: 0o755 })
  const launch = { node: '/usr/bin/node', cli: process.execPath, socket: '/host/run/admin.sock' }
  writeLauncher({ ...launch, folder: `${dir}/run`, hostFolder: `${dir}/run` })
  const env = { PATH: `${dir}/bin:/usr/bin:/bin` }
  const { stdout } = await run('/bin/sh', [`${dir}/run/cli`, 'host', 'rm', 'a b'], { env })
  t.equal(
    stdout,
    `/host/run/admin.sock --target ${process.pid} --mount -- /usr/bin/node ${process.execPath} host rm a b\n`,
  )
  writeFileSync(`${dir}/run/pid`, '4194304\n')
  await t.rejects(run('/bin/sh', [`${dir}/run/cli`, 'status'], { env }), {
    code: 1,
    stderr: /^tsoverlay: the plugin does not run on this host: .*\n$/,
  })
  t.match(readFileSync(`${dir}/run/cli`, 'utf8'), /^#!\/bin\/sh\n/)
})
