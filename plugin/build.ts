/**
 * `make plugin`: leaves build/plugin/config.json and build/plugin/rootfs, which
 * `docker plugin create NAME build/plugin` takes.
 */
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildRootfs } from './rootfs.js'
import { sizeLines } from './sizes.js'

const project = dirname(dirname(fileURLToPath(import.meta.url)))
const started = Date.now()
const report = (line: string) => console.log(`plugin: ${line}`)

const target = resolve(process.argv[2] ?? join(project, 'build/plugin'))
const rootfs = join(target, 'rootfs')

mkdirSync(target, { recursive: true })
await buildRootfs({ project, rootfs, cache: join(project, 'build/cache'), report })
copyFileSync(join(project, 'config.json'), join(target, 'config.json'))
for (const line of sizeLines(rootfs)) report(line)
report(`${target} is ready after ${((Date.now() - started) / 1000).toFixed(1)} s`)
