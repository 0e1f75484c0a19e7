/**
 * `make fuzz N=100000 SEED=1`: prints what was asked and how it was answered; exits with 1 if the
 * plugin crashed, hung, leaked or grew. ONLY=names or ONLY=plugin for a part of it.
 */
import { onThrowAwayHost } from '../net/kernel.js'
import { fuzzDns } from './dns.js'
import { fuzzDnsSockets } from './dns-sockets.js'
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
  const only = process.env['ONLY'] ?? ''
  if (!['', 'names', 'plugin'].includes(only)) {
    process.stderr.write(`fuzz: ONLY=${only} is neither names nor plugin\n`)
    process.exit(2)
  }
  say(`fuzz: ${requests} requests, seed ${seed}`)
  const found = only === 'plugin' ? 0 : await names(seed, requests)
  const others = only === 'names' ? 0 : await plugin(seed, requests)
  process.exitCode = found + others === 0 ? 0 : 1
}

/** @returns violations */
async function names(seed: number, requests: number): Promise<number> {
  const { counts, violations } = fuzzDns(seed, requests)
  const all = [...violations, ...(await fuzzDnsSockets(seed, requests))]
  for (const problem of all) say(`✗ ${problem}`)
  say(`names: ${requests} packets, ${JSON.stringify(counts)}, ${all.length} violations`)
  return all.length
}

/** @returns violations */
async function plugin(seed: number, requests: number): Promise<number> {
  const result = await runFuzz({ seed, requests, phases: 12, say })
  const grown = growth(result)
  for (const row of tableOf(result)) say(row)
  for (const problem of grown) say(`✗ ${problem}`)
  const count = result.ledger.violations.length + grown.length
  say(`${result.ledger.requests} requests, seed ${seed}, ${count} violations`)
  return count
}

await onThrowAwayHost(import.meta.url, main)
