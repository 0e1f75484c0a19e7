import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const OPENSSL = process.env['OPENSSL'] ?? 'openssl'

/** A CA and one certificate for 127.0.0.1, good for server and client, made by openssl. */
export function makePki(dir: string): { ca: string; cert: string; key: string } {
  const [ca, caKey, cert, key] = ['ca.pem', 'ca.key', 'cert.pem', 'cert.key'].map((name) =>
    join(dir, name),
  ) as [string, string, string, string]
  const openssl = (...args: string[]) => execFileSync(OPENSSL, args, { stdio: 'ignore' })
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  openssl('req', '-x509', ...ec, '-subj', '/CN=test CA', '-keyout', caKey, '-out', ca)
  openssl(
    ...['req', '-x509', ...ec, '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert],
    ...['-CA', ca, '-CAkey', caKey, '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
  )
  return { ca, cert, key }
}
