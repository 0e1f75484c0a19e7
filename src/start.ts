/**
 * The first file of the plugin: reads the program together with what V8 has compiled of it before,
 * which `--compile` keeps beside it when the plugin is built. It is read in two thirds of the time
 * (docs/performance.md). A code cache of another node, or of other flags, is refused by V8 and the
 * program is compiled as ever.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Script } from 'node:vm'

/** What main.ts exports. */
interface Program {
  run(): void
  load(): Promise<unknown>
}

type Wrapped = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void

const FOLDER = dirname(fileURLToPath(import.meta.url))
const FILE = join(FOLDER, 'program.cjs')
const CACHE = `${FILE}.cache`

function readCache(): Buffer | undefined {
  try {
    return readFileSync(CACHE)
  } catch {
    return undefined
  }
}

function compile(cachedData: Buffer | undefined): Script {
  // as Node wraps CommonJS (modules.html, "The module wrapper")
  const code = `(function (exports, require, module, __filename, __dirname) {${readFileSync(FILE, 'utf8')}\n})`
  return new Script(code, { filename: FILE, ...(cachedData && { cachedData }) })
}

function evaluate(script: Script): Program {
  const module: { exports: object } = { exports: {} }
  const wrapped = script.runInThisContext() as Wrapped
  wrapped(module.exports, createRequire(FILE), module, FILE, FOLDER)
  return module.exports as Program
}

/**
 * Keeps what is compiled once the whole program was read, functions that were called included.
 * @throws Error if V8 would refuse it
 */
async function keep(): Promise<void> {
  const script = compile(undefined)
  await evaluate(script).load()
  const cache = script.createCachedData()
  if (compile(cache).cachedDataRejected !== false) throw new Error('V8 refuses its own code cache')
  writeFileSync(CACHE, cache)
}

if (process.argv[2] === '--compile') await keep()
else evaluate(compile(readCache())).run()
