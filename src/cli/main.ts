#!/usr/bin/env node
/** The process of the CLI. */
import { runCli } from './program.js'

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
