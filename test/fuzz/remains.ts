/** What the plugin has left in kernel, store and journal. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { EtcdProcess } from '../contract/etcd-process.js'
import { run } from '../net/kernel.js'
import { journalDocuments } from '../soak/journal-documents.js'
import type { PluginProcess } from './plugin-process.js'

/** Keys that exist as long as a plugin runs, whatever networks there are. */
const LASTING = /^\/tsoverlay\/((hosts|alive|ranges|gates\/hosts)\/|generation$)/
const OWN_LINKS = ['lo', 'under0', 'under1']

/** Sandboxes, links, mounts, store keys and journal documents, each in words; empty when all is gone. */
export async function remains(plugin: PluginProcess, etcd: EtcdProcess): Promise<string[]> {
  const netns = join(plugin.root, 'host/run/docker/netns')
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const links = JSON.parse(run('ip', '-j', 'link', 'show')) as { ifname: string }[]
  return [
    ...filesIn(netns).map((path) => `sandbox ${path}`),
    ...mounts
      .filter((line) => line.includes(plugin.root) && line.includes(' nsfs '))
      .map((line) => `mount ${line}`),
    ...links.flatMap(({ ifname }) => (OWN_LINKS.includes(ifname) ? [] : [`link ${ifname}`])),
    ...(await storeKeys(etcd)).filter((key) => !LASTING.test(key)).map((key) => `key ${key}`),
    ...journalDocuments(join(plugin.root, 'data/journal')).map((line) => `journal ${line}`),
  ]
}

async function storeKeys(etcd: EtcdProcess): Promise<string[]> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  // "0" is the byte after "/"
  const range = { key: base64('/'), range_end: base64('0'), keys_only: true }
  const { kvs = [] } = (await etcd.post('kv/range', range)) as { kvs?: { key: string }[] }
  return kvs.map(({ key }) => Buffer.from(key, 'base64').toString())
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      const path = join(folder, name)
      return statSync(path).isDirectory() ? filesIn(path) : [path]
    })
  } catch {
    return [] // not made yet
  }
}
