/** What one container may ask the cluster for: the seam between the directory and the DNS server. */
import type { Ip } from './ip.js'

export interface NamesView {
  /**
   * All addresses of the name, both families; never empty.
   * @param name lower case, without a dot at the end
   * @returns undefined: the cluster does not know it
   */
  addressesOf(name: string): readonly Ip[] | undefined
  /**
   * Names of an address, best first, as `NAME.NETWORK`.
   * @returns undefined: it is not the cluster's
   */
  namesOf(ip: Ip): readonly string[] | undefined
}
