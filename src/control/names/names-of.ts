/** What Docker's DNS calls a container in one of its networks: pure. */
import type { Attachment, NamedContainer } from '../dockerd/docker-names.js'

/** RFC 1035 2.3.4: nobody can ask for a longer one. */
const LONGEST = 253
/** Of one container in one network; an alias costs a few bytes, thousands of them many on all hosts. */
const MOST = 100

/**
 * In lower case, each once: the container's own name first, then aliases, hostname, short id (moby
 * daemon/container_operations.go buildEndpointDNSNames).
 */
export function namesOf(container: NamedContainer, { aliases }: Attachment): readonly string[] {
  const { id, name, hostname, isTask } = container
  const shortId = id.slice(0, 12)
  const all = [name, ...(isTask ? [] : aliases), hostname]
  const names = new Set(all.map((text) => text.toLowerCase()).filter(canBeAsked))
  names.delete(shortId)
  return [...[...names].slice(0, MOST), shortId]
}

function canBeAsked(name: string): boolean {
  return name !== '' && name.length <= LONGEST
}
