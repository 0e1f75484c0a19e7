/** `netns`. */
import type { NamespaceReport } from '../../core/admin/kernel.js'
import { runIn } from '../exec.js'
import { findNamespace } from '../namespaces.js'
import { namespacesTable, namespaceText } from '../tables/namespaces.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

const VERB = 'netns'
const OWN_OPTIONS = ['--json', '--help', '-h']

export const addNetns: AddVerbs = (tools) => {
  const netns = listing(
    tools.root,
    VERB,
    "this host's network namespaces, and whose each is; or run a command in one",
  )
    .argument(
      '[of]',
      'a container, a network or a file of /run/docker/netns; the beginning of an id',
    )
    .argument('[command...]', "the host's own; its exit code is that of tsoverlay then")
  examples(netns, [
    ['tsoverlay netns', 'all, and whose each is'],
    ['tsoverlay netns web', 'the links of the container web'],
    ['tsoverlay netns web ip -d link', 'the container needs no ip of its own'],
    ['tsoverlay netns shop bridge fdb show', 'in the sandbox of the network shop'],
  ]).action(async (of: string | undefined, command: readonly string[], _flags, own) => {
    const all = await clientOf(own).get<readonly NamespaceReport[]>('/namespaces')
    if (of === undefined) {
      print(tools, own, all, namespacesTable)
      return
    }
    const one = findNamespace(all, of)
    if (command.length === 0) print(tools, own, one, namespaceText)
    else await runIn(one.path, command)
  })
}

/**
 * The line as typed, with a mark before the command to be run: what stands behind is the command's, also
 * where it looks like an option of ours. Options between `netns` and the name are ours.
 */
export function guarded(argv: readonly string[]): readonly string[] {
  const verb = argv.indexOf(VERB)
  if (verb < 0 || argv.slice(0, verb).some(isOtherVerb)) return argv
  let name = verb + 1
  while (argv[name]?.startsWith('-') && argv[name] !== '--') {
    name += argv[name] === '--socket' ? 2 : 1
  }
  const rest = argv.slice(name + 1)
  const isOurs = argv[name] === '--' || rest.every((one) => OWN_OPTIONS.includes(one))
  return isOurs || rest[0] === '--' ? argv : [...argv.slice(0, name + 1), '--', ...rest]
}

/** Before the verb are only options and the socket's path. */
function isOtherVerb(word: string, at: number, before: readonly string[]): boolean {
  return !word.startsWith('-') && before[at - 1] !== '--socket'
}
