/** The process of the CLI. */
import { wantsColour } from './colour.js'
import { EXIT } from './failure.js'
import { runCli } from './program.js'

/** @param argv without node and the file's name; the exit code is set, and pending output goes on */
export async function run(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endOfReader)
  process.exitCode = await runCli(argv, {
    env: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    colour: wantsColour(process.stdout.isTTY, process.env),
    onInterrupt: (listener) => {
      process.once('SIGINT', listener)
      process.once('SIGTERM', listener)
    },
  })
}

/** Whoever read, as `head` does, has seen enough: nothing is left to do. */
function endOfReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.done)
  throw error
}
