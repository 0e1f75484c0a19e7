/** The embedded etcd's command line; understood by etcd 3.4 and 3.5. */
import { basename, join } from 'node:path'

export interface EtcdArguments {
  readonly dataDir: string
  /** TCP ports of 127.0.0.1 */
  readonly client: number
  readonly peer: number
}

export function etcdArguments({ dataDir, client, peer }: EtcdArguments): string[] {
  const [clientUrl, peerUrl] = [client, peer].map((port) => `http://127.0.0.1:${port}`)
  const flags = {
    'data-dir': join(dataDir, 'data'),
    name: 'tsoverlay',
    'listen-client-urls': clientUrl,
    'advertise-client-urls': clientUrl,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `tsoverlay=${peerUrl}`,
    // a watch that lags by more than 1,000 writes lists again; the default keeps all history
    'auto-compaction-mode': 'revision',
    'auto-compaction-retention': '1000',
    'quota-backend-bytes': String(1024 ** 3),
    // the default of 100,000 keeps that many writes in memory
    'snapshot-count': '10000',
    logger: 'zap',
    'log-level': 'warn',
    'log-outputs': 'stderr',
  }
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
}

/** True for the command line of an etcd that was started with these arguments on this directory. */
export function isOurs(args: readonly string[], dataDir: string): boolean {
  const [binary, ...flags] = args
  return (
    binary !== undefined &&
    basename(binary) === 'etcd' &&
    flags.includes(`--data-dir=${join(dataDir, 'data')}`)
  )
}
