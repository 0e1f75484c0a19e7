/** Settles who this host is before anything is done in its name. */
import type { Config } from '../../core/config.js'
import { within } from '../../core/deadline.js'
import { hasCode, messageOf } from '../../core/errors.js'
import type { Dataplane, Logger, Store } from '../../core/ports.js'
import { FencedStore } from '../../state/fenced-store.js'
import { HostClaim } from '../../state/host-claim.js'
import { giveUpIdentity, type Identity, isFirstOfBoot, loadIdentity } from '../../state/identity.js'
import { keys } from '../../state/keys.js'
import { machineMarks } from './machine-marks.js'

/** A store that does not answer by then is away: the plugin starts without it. */
const ANSWER_MS = 1_500
/** A store that is there answers in time, also where the claim has to be made sure of. */
const SETTLE_MS = 8_000
/** dockerd disables a plugin that dies within 3 s of its start. */
const SAFE_LIFE_S = 5

export interface IdentifyParts {
  readonly config: Pick<Config, 'advertise' | 'store'>
  readonly store: Store
  readonly paths: { readonly data: string; readonly run: string }
  readonly dataplane: Pick<Dataplane, 'underlay'>
  readonly logger: Logger
}

export interface Identified {
  readonly identity: Identity
  readonly store: FencedStore
}

/**
 * The host's id with the store that is written under it. After a boot the store is asked first, if it
 * is there: an id that is another machine's is changed before a container starts. What turns out later
 * ends the process, and the next one begins with an id of its own.
 */
export async function identify(parts: IdentifyParts): Promise<Identified> {
  const { config, store, paths, logger } = parts
  // The embedded etcd is this host's alone: a copy of it has the former machine's announcement, too.
  const isShared = config.store.endpoints.length > 0
  const isFirst = isFirstOfBoot(paths.run)
  const first = claimed(parts, isShared)
  if (!isFirst || !isShared) {
    first.settle()
    return first
  }
  let isForeign = false
  const opened = first.store.open().catch((error: unknown) => {
    isForeign = hasCode(error, 'HOST_CLONED')
    if (!isForeign) logger.debug({ err: messageOf(error) }, 'id of this host is claimed later')
  })
  const answered = store.get(keys.hostGate(first.identity.id)).catch(() => undefined)
  if (await within(answered, ANSWER_MS)) await within(opened, SETTLE_MS)
  if (!isForeign) {
    first.settle()
    return first
  }
  giveUpIdentity(paths.data, first.identity)
  const own = claimed(parts, isShared)
  own.settle()
  return own
}

/** From `settle` on, a claim that turns out to be another machine's ends the process. */
function claimed(
  parts: IdentifyParts,
  isShared: boolean,
): Identified & { readonly settle: () => void } {
  const { config, paths, dataplane, logger } = parts
  const identity = loadIdentity(paths.data, paths.run)
  const { id, boot } = identity
  let isSettled = false
  const claim = new HostClaim({
    host: id,
    boot,
    marks: () => machineMarks(dataplane, config.advertise),
    onForeign: (by) => {
      logger.error({ host: id, by }, 'id of this host is in use on another machine')
      if (isSettled) startAnew(paths.data, identity)
    },
  })
  const gate = keys.hostGate(id)
  const store = new FencedStore(parts.store, gate, boot, isShared ? claim : undefined)
  const settle = (): void => {
    isSettled = true
  }
  return { identity, store, settle }
}

let isEnding = false

/** dockerd starts a plugin again that ends; everything else here was made under the former id. */
function startAnew(dataDir: string, identity: Identity): void {
  if (isEnding) return
  isEnding = true
  giveUpIdentity(dataDir, identity)
  const left = Math.max(0, SAFE_LIFE_S - process.uptime())
  setTimeout(() => process.exit(1), left * 1_000)
}
