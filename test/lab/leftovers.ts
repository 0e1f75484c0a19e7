/** What the machine that runs the lab shows of it: for "nothing is left". */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hierarchies } from './cgroup.js'
import { run } from './exec.js'
import { LINK_PATTERN, NETNS_PATTERN, STATE_DIR } from './names.js'

/** Rules, namespaces, mounts, links, cgroups and processes that have this lab's names. */
export async function leftovers(): Promise<string[]> {
  const { stdout: rules } = await run(['iptables-save'])
  const { stdout: namespaces } = await run(['ip', 'netns'])
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  return [
    ...`${rules}\n${namespaces}\n${mounts}`.split('\n').filter(isOwn),
    ...readdirSync('/sys/class/net').filter((name) => LINK_PATTERN.test(name)),
    ...hierarchies().flatMap((one) => readdirSync(one.mountPoint).filter(isOwn)),
    ...processes(),
  ]
}

/** Whether a word of the line is a name of the lab. */
function isOwn(line: string): boolean {
  const words = line.split(/[\s/]+/)
  const named = words.some((word) => LINK_PATTERN.test(word) || NETNS_PATTERN.test(word))
  return named || line.includes(`${STATE_DIR}/`)
}

/** Processes whose root directory is not this one's and lies on a lab machine's disk. */
function processes(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      return readlinkSync(`/proc/${pid}/root`) !== '' && mounts.includes(`upperdir=${STATE_DIR}/`)
    } catch {
      return false // it has ended meanwhile
    }
  })
}
