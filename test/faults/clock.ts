/**
 * The clock of a host jumps. All hosts of the lab share the kernel's clock, which no namespace parts.
 * So it is the plugin's own that jumps: node's inspector, switched on by SIGUSR1, shifts `Date` in the
 * running process. That is all the wall clock it has: its timers run on CLOCK_MONOTONIC (libuv).
 */
import { run, sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { LabError } from '../lab/names.js'
import { lifeWithout, reached } from './etcd.js'
import type { Scenario } from './scenario.js'
import { pluginPid, type Stage } from './stage.js'

const HOUR_MS = 3_600_000

/** @param ms added to the plugin's clock; 0 is the true time again */
async function shiftClock(host: Host, ms: number): Promise<void> {
  const pid = await pluginPid(host)
  if (pid === undefined) throw new LabError(`${host.name}: the plugin does not run`)
  await host.sh(['kill', '-USR1', pid])
  await sleep(1_000)
  const code = `(() => {
    const Real = (globalThis.RealDate ??= Date)
    const now = () => Real.now() + ${ms}
    globalThis.Date = class extends Real {
      constructor(...args) { if (args.length === 0) super(now()); else super(...args) }
      static now() { return now() }
    }
    return Date.now() - Real.now()
  })()`
  const said = await evaluate(host, code)
  if (Math.abs(Number(said) - ms) > 10) throw new LabError(`the clock was not shifted: ${said}`)
}

/** Runs code in the process whose inspector listens on the host's loopback. */
async function evaluate(host: Host, expression: string): Promise<string> {
  const client = `
    const targets = await (await fetch('http://127.0.0.1:9229/json/list')).json()
    const socket = new WebSocket(targets[0].webSocketDebuggerUrl)
    socket.onopen = () => socket.send(JSON.stringify(
      { id: 1, method: 'Runtime.evaluate', params: { expression: ${JSON.stringify(expression)}, returnByValue: true } }))
    socket.onmessage = ({ data }) => {
      const { result } = JSON.parse(data)
      console.log(result.exceptionDetails?.exception?.description ?? result.result.value)
      socket.close()
    }`
  const argv = ['--experimental-websocket', '--no-warnings', '--input-type=module', '-e', client]
  const enter = ['nsenter', '-t', `${host.initPid}`, '-n', '--', process.execPath, ...argv]
  return (await run(enter, { timeoutMs: 10_000 })).stdout.trim()
}

function jump(name: string, fault: string, ms: number): Scenario {
  return {
    name,
    fault,
    steady: [
      [1, 2],
      [3, 1],
      [2, 3],
    ],
    until: 'what was started afterwards is reached; the host is still announced',
    async prepare(stage) {
      for (const one of ['x0', 'x1']) await stage.run(stage.host(1), one)
    },
    async play(stage: Stage) {
      for (const host of [stage.host(1), stage.host(2)]) await shiftClock(host, ms)
      await lifeWithout(stage)
      // etcd away and back: every wait and retry begins after the jump.
      await stage.lab.etcd.stop()
      await stage.lab.etcd.start()
      // Longer than the lease of a presence that is not renewed.
      await sleep(17_000)
      stage.mark()
    },
    async missing(stage) {
      const { stdout } = await stage.lab.etcd.ctl([
        'get',
        '--prefix',
        '--keys-only',
        '/tsoverlay/alive/',
      ])
      const announced = stdout.split('\n').filter(Boolean).length
      return [
        ...(announced === 3 ? [] : [`${announced} hosts are announced`]),
        ...(await reached(stage)),
      ]
    },
    async restore(stage) {
      for (const host of [stage.host(1), stage.host(2)]) await shiftClock(host, 0)
    },
  }
}

export const CLOCK_FAULTS: readonly Scenario[] = [
  jump('clock-forward', "two plugins' clocks jump an hour forward", HOUR_MS),
  jump('clock-back', "two plugins' clocks jump an hour back", -HOUR_MS),
]
