/** What a judgement says of one hop. The host is that of the facts, and put in by who has them. */
import type { Hop } from '../../core/admin/trace.js'

export interface Finding extends Omit<Hop, 'host' | 'mend'> {
  /** host: where it is typed, if that is another one */
  readonly mend?: { readonly command: string; readonly host?: string }
}

/** Which thing a finding is about. */
export interface Subject {
  readonly hop: string
  readonly about: string
}

export function ok(subject: Subject, says: string): Finding {
  return { ...subject, verdict: 'ok', says }
}

export function warning(subject: Subject, says: string, command?: string): Finding {
  return { ...subject, verdict: 'warning', says, ...mendOf(command) }
}

export function unknown(subject: Subject, says: string, command?: string): Finding {
  return { ...subject, verdict: 'unknown', says, ...mendOf(command) }
}

/** @param command that mends it on the same host */
export function failed(subject: Subject, says: string, command?: string): Finding {
  return { ...subject, verdict: 'failed', says, ...mendOf(command) }
}

function mendOf(command: string | undefined): Pick<Finding, 'mend'> {
  return command === undefined ? {} : { mend: { command } }
}

/** @param host name of the one where the facts are from */
export function hopsOf(host: string, findings: readonly Finding[]): readonly Hop[] {
  return findings.map(({ mend, ...rest }) => ({
    host,
    ...rest,
    ...(mend === undefined ? {} : { mend: { host, ...mend } }),
  }))
}

/** The same on the way of the answers. */
export function back(findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) => ({ ...finding, back: true }))
}
