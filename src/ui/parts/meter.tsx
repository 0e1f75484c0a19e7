/** A bar; who hears the page hears how full it is. */
const [W, H] = [100, 8]

interface MeterProps {
  readonly percent: number
  /** what is nearly full is told by another colour */
  readonly alarm?: true
}

export function Meter({ percent, alarm }: MeterProps) {
  const part = alarm && percent >= 90 ? 'meter-part meter-full' : 'meter-part'
  return (
    <>
      <svg class="meter" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" aria-hidden="true">
        <rect class="meter-base" width={W} height={H} />
        <rect class={part} width={percent} height={H} />
      </svg>
      <span class="unseen">{Math.round(percent)} %</span>
    </>
  )
}
