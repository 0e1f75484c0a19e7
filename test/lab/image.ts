import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './exec.js'
import { LabError } from './names.js'

export const IMAGE = 'lab'
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\n'
const GROUP = 'root:x:0:\n'

/**
 * A tarball for `docker import`: the root's static busybox with a link for each of its applets
 * (ping, wget, nc, httpd, ip, …). It is kept beside the root that it's made from.
 * @returns its path.
 */
export async function ensureImage(root: string): Promise<string> {
  const tarball = `${root}/var/lib/tsolab-image.tar`
  if (existsSync(tarball)) return tarball
  const busybox = join(root, 'bin/busybox')
  const tree = `${tarball}.${process.pid}.d`
  await mkdir(join(tree, 'bin'), { recursive: true })
  for (const path of ['etc', 'root', 'var', 'tmp', 'www']) await mkdir(join(tree, path))
  await chmod(join(tree, 'tmp'), 0o1777)
  await copyFile(busybox, join(tree, 'bin/busybox'))
  await writeFile(join(tree, 'etc/passwd'), PASSWD)
  await writeFile(join(tree, 'etc/group'), GROUP)
  const applets = (await run([busybox, '--list'])).stdout.split('\n').filter(Boolean)
  if (!applets.includes('httpd')) throw new LabError(`${busybox} has no httpd`)
  for (const applet of applets) {
    if (applet !== 'busybox') await symlink('busybox', join(tree, 'bin', applet))
  }
  await run(['tar', '-C', tree, '--numeric-owner', '-cf', `${tarball}.${process.pid}`, '.'])
  await rename(`${tarball}.${process.pid}`, tarball)
  await rm(tree, { recursive: true })
  return tarball
}
