/** @returns in words what one list has and the other has not; what is there twice is surplus, too */
export function compare(what: string, has: readonly string[], wants: readonly string[]): string[] {
  const surplus = has.filter((one, at) => !wants.includes(one) || has.indexOf(one) !== at)
  const missing = wants.filter((one) => !has.includes(one))
  return [
    ...surplus.map((one) => `${what}: ${one} should not be there`),
    ...missing.map((one) => `${what}: ${one} is missing`),
  ]
}
