/**
 * The first file of the CLI, a CommonJS one, as Node reads these sooner: reads the program with its
 * code cache, which `--keep-cache VERB…` makes.
 */
import { join } from 'node:path'
import { keepCache, runScript } from '../cached-script.js'

/** What main.ts exports. */
interface Program {
  run(argv: readonly string[]): Promise<void>
}

const FILE = join(__dirname, 'cli-program.cjs')
const [first, ...others] = process.argv.slice(2)

if (first === '--keep-cache') void keepCache<Program>(FILE, (program) => program.run(others))
else void runScript<Program>(FILE).run(process.argv.slice(2))
