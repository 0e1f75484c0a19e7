/** Numbers and times for people. */
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Decimal units, three digits: 1.25 MB. */
export function bytes(count: number): string {
  let [value, unit] = [count, 0]
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`
}

/** Made once: a formatter costs more than a thousand uses of it. */
const NUMBER = new Intl.NumberFormat('en')

/** 9,972 */
export function grouped(count: number): string {
  return NUMBER.format(count)
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}

/** How long ago. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min ago`
  return `${Math.round(seconds / 3_600)} h ago`
}

export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(100, (100 * part) / whole)
}
