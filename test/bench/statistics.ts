/** @param part 0 to 1. @returns NaN of no values */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** How long a task takes (ms), and what it gives. */
export async function timed<T>(
  task: () => Promise<T>,
): Promise<{ readonly ms: number; readonly result: T }> {
  const before = performance.now()
  const result = await task()
  return { ms: performance.now() - before, result }
}

/**
 * Runs several tasks in turn, one of each a round, so that what disturbs the machine disturbs all.
 * The first round warms up and does not count.
 * @returns what each gave, by its name
 */
export async function interleaved<K extends string>(
  rounds: number,
  tasks: Readonly<Record<K, (round: number) => Promise<number>>>,
  log: (line: string) => void = () => {},
): Promise<Record<K, number[]>> {
  const names = Object.keys(tasks) as K[]
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    K,
    number[]
  >
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const value = await tasks[name](round)
      if (round > 0) values[name].push(value)
    }
    if (round > 0) log(`round ${round} of ${rounds}`)
  }
  return values
}
