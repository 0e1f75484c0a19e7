#!/usr/bin/env node
/** The process of the CLI. */
import { wantsColour } from './colour.js'
import { EXIT } from './failure.js'
import { runCli } from './program.js'

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read, as `head` does, has seen enough: nothing is left to do.
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    throw error
  })
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colour: wantsColour(process.stdout.isTTY, process.env),
  onInterrupt: (listener) => {
    process.once('SIGINT', listener)
    process.once('SIGTERM', listener)
  },
})
