/**
 * A CommonJS file read together with what V8 has compiled of it before, which is kept beside it when
 * the plugin is built: it is read in two thirds of the time (docs/performance.md). A code cache of
 * another node, or of other flags, is refused by V8 and the file is compiled as ever.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

type Wrapped = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void

/** Runs the file. @returns what it exports, which is taken to be a T */
export function runScript<T>(file: string): T {
  return evaluate(file, compile(file, readCache(file))) as T
}

/**
 * Keeps what is compiled once the whole file was read, functions that were called included.
 * @param use what is done with what the file exports: all that is wanted in the cache
 * @throws Error if V8 would refuse it
 */
export async function keepCache<T>(file: string, use: (exported: T) => Promise<unknown>) {
  const script = compile(file, undefined)
  await use(evaluate(file, script) as T)
  const cache = script.createCachedData()
  if (compile(file, cache).cachedDataRejected !== false)
    throw new Error('V8 refuses its own code cache')
  writeFileSync(cacheOf(file), cache)
}

const cacheOf = (file: string): string => `${file}.cache`

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(cacheOf(file))
  } catch {
    return undefined
  }
}

function compile(file: string, cachedData: Buffer | undefined): Script {
  // as Node wraps CommonJS (modules.html, "The module wrapper")
  const code = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`
  return new Script(code, { filename: file, ...(cachedData && { cachedData }) })
}

function evaluate(file: string, script: Script): object {
  const module: { exports: object } = { exports: {} }
  const wrapped = script.runInThisContext() as Wrapped
  wrapped(module.exports, createRequire(file), module, file, dirname(file))
  return module.exports
}
