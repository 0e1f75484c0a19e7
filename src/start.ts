/** The first file of the plugin: reads the program with its code cache; `--compile` makes that. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepCache, runScript } from './cached-script.js'

/** What main.ts exports. */
interface Program {
  run(): void
  load(): Promise<unknown>
}

const FILE = join(dirname(fileURLToPath(import.meta.url)), 'program.cjs')

if (process.argv[2] === '--compile') await keepCache<Program>(FILE, (program) => program.load())
else runScript<Program>(FILE).run()
