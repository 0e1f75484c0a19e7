/** The `-o` options that some backends take and others do not. */
import type { BackendOption } from '../core/ports.js'
import type { Network } from '../core/types.js'

/** Options with a meaning for more than one backend; what they may be is said in control/networks. */
export const SOURCE_CHECK = 'source-check'
export const FLOATING = 'floating'
export const VNIS = 'com.docker.network.driver.overlay.vxlanid_list'

/** The value of an option of a network, which is its first one where the user gave none. */
export function optionOf<V extends string>(
  network: Pick<Network, 'options'>,
  option: BackendOption<V>,
): V {
  const given = option.values.find((value) => value === network.options?.[option.name])
  return given ?? option.values[0]
}
