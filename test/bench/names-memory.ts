/**
 * What the names of other hosts' containers cost the process that knows them: the records with and
 * without names, the index after the first question, and how long that question keeps others waiting.
 * Without a lab's hosts: the real mirror and index, in a process of its own for each figure.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Measurement, Row } from './measurement.js'
import { median } from './statistics.js'

const ENDPOINTS = 100_000
const ROUNDS = 3
const PROCESS = fileURLToPath(new URL('./names-process.ts', import.meta.url))

/** What names-process.ts prints. */
export interface NamesCost {
  /** of all records, before anybody has asked (bytes) */
  readonly records: number
  /** what came to them by the first question (bytes) */
  readonly index: number
  /** the longest time in which nothing else had a turn after the first question (ms) */
  readonly block: number
}

function costOf(names: number): NamesCost {
  const flags = ['--max-semi-space-size=2', '--expose-gc', '--import', 'tsx']
  const args = [...flags, PROCESS, String(ENDPOINTS), String(names)]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as NamesCost
}

function rowsOf(names: number, log: (line: string) => void): readonly Row[] {
  const rounds = Array.from({ length: ROUNDS }, () => ({ bare: costOf(0), named: costOf(names) }))
  const bytes = median(rounds.map(({ bare, named }) => named.records - bare.records + named.index))
  const records = median(rounds.map(({ bare, named }) => named.records - bare.records))
  log(`${names} names each: records ${records / 1e6} MB, with the index ${bytes / 1e6} MB`)
  const each = `${ENDPOINTS} endpoints with ${names} names each`
  return [
    { what: `memory of names, ${each}`, unit: 'MB', ours: bytes / 1e6 },
    {
      what: `the same, for 100000 names`,
      unit: 'MB',
      ours: bytes / 1e6 / ((ENDPOINTS * names) / 100_000),
      goal: { is: '<=', value: 20 },
    },
    {
      what: `first question, longest block, ${each}`,
      unit: 'ms',
      ours: median(rounds.map(({ named }) => named.block)),
      goal: { is: '<=', value: 50 },
    },
  ]
}

/** For `make bench`, and without a lab by `node --import tsx test/bench/names-process.ts 100000 3`. */
export const namesMemory: Measurement = {
  name: 'names-memory',
  title: 'what the names of 100,000 remote endpoints cost',
  run: async ({ log }) => [1, 2, 3].flatMap((names) => rowsOf(names, log)),
}
