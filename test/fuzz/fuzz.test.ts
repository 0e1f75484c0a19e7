import { onThrowAwayHost } from '../net/kernel.js'
import { growth } from './report.js'
import { runFuzz } from './run.js'

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')

  t.test('600 requests without manners leave the plugin as it was', async (t) => {
    const say = (line: string): void => t.comment(line)
    const result = await runFuzz({ seed: 20_261_123, requests: 600, phases: 3, say })
    t.strictSame([...result.ledger.violations, ...growth(result)], [])
    t.ok((result.ledger.counts.get('valid')?.get('200') ?? 0) > 40, 'containers lived amid it')
    t.ok((result.ledger.counts.get('bent')?.get('500') ?? 0) > 8, 'bad requests were refused')
  })
})
