/** A bar beside a number that says the same. */
const [W, H] = [100, 8]

export function Meter({ percent }: { readonly percent: number }) {
  return (
    <svg class="meter" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="meter-base" width={W} height={H} />
      <rect class={percent >= 90 ? 'meter-part meter-full' : 'meter-part'} width={percent} height={H} />
    </svg>
  )
}
