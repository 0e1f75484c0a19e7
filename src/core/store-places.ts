/** Where the store is: pure. */

/** @param endpoints URLs of etcd; none: the plugin's own @returns what a sentence calls them */
export function placesText(endpoints: readonly string[]): string {
  return endpoints.length === 0 ? "the plugin's own etcd" : `etcd at ${endpoints.join(', ')}`
}

/** Host and port of an endpoint. @param url as in STORE, which config.ts has checked */
export function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url)
  const usual = protocol === 'https:' ? 443 : 80
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) }
}
