/** `diag`: what is in the archive, and what must not be. */
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import t from 'tap'
import { extract } from 'tar-stream'
import { pairOfHosts } from '../admin/resources.js'
import { folder } from '../fakes/folder.js'
import { cli, listen } from './run.js'

async function unpacked(path: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const archive = createReadStream(path).pipe(createGunzip()).pipe(extract())
  for await (const entry of archive) {
    files.set(entry.header.name.replace(/^[^/]+\//, ''), await text(entry))
  }
  return files
}

t.test('one archive with everything, but without secrets', async (t) => {
  const { b } = await pairOfHosts(t)
  const socket = await listen(t, b)
  const path = `${folder(t)}/report.tar.gz`
  const { code, out, err } = await cli(socket, 'diag', '-o', path)
  t.match({ code, err }, { code: 0, err: '' })
  t.equal(statSync(path).mode & 0o777, 0o600)
  const files = await unpacked(path)
  for (const name of ['about', 'status', 'hosts', 'networks', 'endpoints', 'pools', 'names', 'log'])
    t.ok(JSON.parse(files.get(`${name}.json`) ?? ''), name)
  t.match(files.get('metrics.txt'), /^tsoverlay_networks 1$/m)
  t.match(files.get('kernel-proc-version.txt'), /^Linux version /)
  for (const name of files.keys()) t.match(out, name, `${name} is listed`)
  const all = [...files.values()].join('\n')
  t.match(all, /http:\/\/\*\*\*@etcd:2379/, 'the settings are in it')
  // the fixture has this password in a setting and in a line of the log
  t.notMatch(all, 'hunter2')
})

t.test('without the plugin it is half of a report, and says so', async (t) => {
  const path = `${folder(t)}/report.tar.gz`
  const { code, out } = await cli('/nowhere/admin.sock', 'diag', '--output', path, '--json')
  t.equal(code, 3)
  const report = JSON.parse(out)
  t.equal(report.path, path)
  t.match(report.gaps[0], { what: '/about', why: /^the plugin does not run on this host/ })
  const files = await unpacked(path)
  t.match(files.get('gaps.txt'), /^\/status: the plugin does not run/m)
  t.ok(files.has('kernel-proc-version.txt'))
})

t.test('by default it is a new file in the current folder', async (t) => {
  const dir = folder(t)
  const before = process.cwd()
  process.chdir(dir)
  t.teardown(() => process.chdir(before))
  await cli('/nowhere/admin.sock', 'diag')
  t.match(readdirSync(dir), [/^tsoverlay-diag-.+-\d{8}T\d{6}\.tar\.gz$/])
  t.match(await cli('/nowhere', 'diag', '-o', '/nowhere/x.tar.gz'), { code: 1, err: /ENOENT/ })
})
