/**
 * `make fuzz N=100000 SEED=1`: prints what was asked and how it was answered; exits with 1 if the
 * plugin crashed, hung, leaked or grew.
 */
import { onThrowAwayHost } from '../net/kernel.js'
import { fuzzDns } from './dns.js'
import { growth, tableOf } from './report.js'
import { runFuzz } from './run.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function argument(name: string, text: string | undefined, standard: number): number {
  const value = Number(text || standard)
  if (Number.isInteger(value) && value > 0) return value
  process.stderr.write(`fuzz: ${name}=${text} is not a whole number above 0\n`)
  process.exit(2)
}

async function main(): Promise<void> {
  const requests = argument('N', process.env['REQUESTS'], 100_000)
  const seed = argument('SEED', process.env['SEED'], Math.floor(Math.random() * 1e6) + 1)
  say(`fuzz: ${requests} requests, seed ${seed}`)
  const dns = fuzzDns(seed, requests)
  say(`names: ${requests} packets, ${JSON.stringify(dns.counts)}`)
  const result = await runFuzz({ seed, requests, phases: 12, say })
  const grown = growth(result)
  const problems = [...dns.violations, ...result.ledger.violations, ...grown]
  for (const row of tableOf(result)) say(row)
  for (const problem of [...dns.violations, ...grown]) say(`✗ ${problem}`)
  say(`${result.ledger.requests} requests, seed ${seed}, ${problems.length} violations`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

await onThrowAwayHost(import.meta.url, main)
