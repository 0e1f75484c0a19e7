/** What a dockerd tells of its containers' names, as far as a test has put it there. */
import type {
  DockerNames,
  ListedContainer,
  NamedContainer,
  NameEvent,
} from '../../../src/control/dockerd/docker-names.js'

type Wanted = Partial<NamedContainer> & Pick<NamedContainer, 'id' | 'name'>

export class FakeNames implements DockerNames {
  readonly containers = new Map<string, NamedContainer>()
  /** calls of `named` */
  readonly asked: string[] = []
  lists = 0
  /** what the next inspects fail with */
  failures = 0
  /** inspects wait for it, as they do while a container starts */
  starting: Promise<void> = Promise.resolve()
  #onEvent: (event: NameEvent) => void = () => undefined
  #cut = new AbortController()

  put(container: Wanted): void {
    const rest = { hostname: '', isTask: false, attachments: [] }
    this.containers.set(container.id, { ...rest, ...container })
  }

  tell(what: NameEvent['what'], container: string, network?: string): void {
    this.#onEvent({ what, container, ...(network === undefined ? {} : { network }) })
  }

  /** dockerd restarts: its stream of events ends. */
  restart(): void {
    this.#cut.abort()
  }

  async running(): Promise<readonly ListedContainer[]> {
    this.lists += 1
    return [...this.containers.values()].map(({ id, name, attachments }) => ({
      ...{ id, name },
      endpoints: attachments.map(({ endpoint }) => endpoint),
    }))
  }

  async named(container: string): Promise<NamedContainer | undefined> {
    this.asked.push(container)
    await this.starting
    if (this.failures > 0) {
      this.failures -= 1
      throw new Error('connect ECONNREFUSED')
    }
    return this.containers.get(container)
  }

  followNames(
    onConnected: () => void,
    onEvent: (event: NameEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#onEvent = onEvent
    this.#cut = new AbortController()
    onConnected()
    return new Promise((resolve) => {
      this.#cut.signal.addEventListener('abort', () => resolve())
      signal.addEventListener('abort', () => resolve())
    })
  }
}
