/**
 * Two JavaScript files out of src/ and the npm packages that they import: the plugin and its CLI. What cannot be in them
 * is left out here and copied by native-packages.ts: packages with machine code, and etcd3's .proto
 * files, which it reads from disk.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { licenceTexts, packagesOf } from './licences.js'
import { NATIVE_PACKAGES } from './native-packages.js'

export interface BundleOptions {
  /** the project's folder */
  readonly project: string
  /** the TypeScript file that starts the program */
  readonly entry: string
  /** the folder of the result: main.js, cli.js and their chunks, package.json, proto/, LICENCES.txt */
  readonly folder: string
}

/**
 * CommonJS packages call `require` for Node's own modules, which an ES module does not have. The
 * names are odd so that they do not meet a name in the bundle.
 */
const BANNER = `import { createRequire as tsoverlayCreateRequire } from 'node:module';
const require = tsoverlayCreateRequire(import.meta.url);`

/** @throws esbuild's BuildFailure, after it has printed what is wrong */
export async function bundle({ project, entry, folder }: BundleOptions): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const result = await build({
    absWorkingDir: project,
    entryPoints: { main: entry, cli: join(project, 'src/cli/main.ts') },
    outdir: folder,
    bundle: true,
    // main.js is small and opens the sockets before it reads the rest (src/rpc/door.ts)
    splitting: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // V8 keeps the text in memory: 4 MB less. Names stay, as stack traces in dockerd's log show them.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: false,
    legalComments: 'eof',
    banner: { js: BANNER },
    define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' },
    external: [...NATIVE_PACKAGES],
    plugins: [protoBesideBundle(project, folder), withoutSsh],
    logLevel: 'warning',
    metafile: true,
  })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  const packages = [...packagesOf(Object.keys(result.metafile.inputs)), ...NATIVE_PACKAGES]
  const licences = licenceTexts(join(project, 'node_modules'), packages)
  writeFileSync(join(folder, 'LICENCES.txt'), licences)
}

/** etcd3 loads `${__dirname}/../proto/rpc.proto`; in the bundle that has to be `proto/` beside it. */
function protoBesideBundle(project: string, folder: string): Plugin {
  const main = createRequire(join(project, 'package.json')).resolve('etcd3')
  return {
    name: 'etcd3-proto',
    setup(api) {
      api.onLoad({ filter: /etcd3\/lib\/connection-pool\.js$/ }, ({ path }) => {
        const code = readFileSync(path, 'utf8')
        const moved = code.replace(/__dirname\}\/\.\.\/proto\//g, '__dirname}/proto/')
        if (moved === code) {
          return { errors: [{ text: 'etcd3 no longer loads ../proto/: see protoBesideBundle' }] }
        }
        cpSync(join(dirname(main), '../proto'), join(folder, 'proto'), { recursive: true })
        return { contents: moved, loader: 'js' }
      })
    },
  }
}

/** dockerode can reach a daemon over ssh; we only use its unix socket, so ssh2 stays out (1 MB). */
const withoutSsh: Plugin = {
  name: 'without-ssh',
  setup(api) {
    api.onResolve({ filter: /^ssh2$/ }, () => ({ path: 'ssh2', namespace: 'left-out' }))
    api.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
  },
}
