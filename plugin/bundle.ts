/**
 * JavaScript files out of src/ and the npm packages that they import: the plugin, what starts it, and
 * its CLI. What cannot be in them is left out here and copied by native-packages.ts: packages with
 * machine code, and etcd3's .proto files, which it reads from disk.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { licenceTexts, packagesOf } from './licences.js'
import { NATIVE_PACKAGES } from './native-packages.js'

export interface BundleOptions {
  /** the project's folder */
  readonly project: string
  /** the folder of the result: main.js, program.cjs, cli.cjs, cli-program.cjs, ui/, package.json, proto/, LICENCES.txt */
  readonly folder: string
}

const PAGE_FILES = ['index.html', 'page.css', 'icon.svg'] as const

/** @throws esbuild's BuildFailure, after it has printed what is wrong */
export async function bundle({ project, folder }: BundleOptions): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const inputs: string[] = []
  const make = async (entry: string, file: string, more: BuildOptions): Promise<void> => {
    const result = await build({
      absWorkingDir: project,
      entryPoints: [join(project, 'src', entry)],
      outfile: join(folder, file),
      bundle: true,
      platform: 'node',
      target: 'node20',
      // V8 keeps the text in memory: 4 MB less. Names stay, as stack traces in dockerd's log show them.
      minifyWhitespace: true,
      minifySyntax: true,
      sourcemap: false,
      legalComments: 'eof',
      external: [...NATIVE_PACKAGES],
      plugins: [protoBesideBundle(project, folder), withoutUnused],
      logLevel: 'warning',
      ...more,
      metafile: true,
    })
    inputs.push(...Object.keys(result.metafile.inputs))
  }
  await make('start.ts', 'main.js', { format: 'esm' })
  // V8 keeps what it has compiled of a script, but not of an ES module (src/start.ts)
  await make('main.ts', 'program.cjs', { format: 'cjs' })
  await make('cli/start.ts', 'cli.cjs', { format: 'cjs' })
  await make('cli/main.ts', 'cli-program.cjs', { format: 'cjs' })
  inputs.push(...(await bundlePage(project, join(folder, 'ui'))))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  const packages = [...packagesOf(inputs), ...NATIVE_PACKAGES]
  const licences = licenceTexts(join(project, 'node_modules'), packages)
  writeFileSync(join(folder, 'LICENCES.txt'), licences)
}

/**
 * The page of `tsoverlay ui`: one script and the files beside it, ready for a browser.
 * @returns what it is made of
 * @throws as bundle
 */
export async function bundlePage(project: string, folder: string): Promise<readonly string[]> {
  const source = join(project, 'src/ui')
  const { metafile } = await build({
    absWorkingDir: project,
    entryPoints: [join(source, 'main.tsx')],
    outfile: join(folder, 'page.js'),
    bundle: true,
    format: 'esm',
    target: ['chrome117', 'firefox119', 'safari17'],
    minify: true,
    sourcemap: false,
    legalComments: 'eof',
    tsconfig: join(source, 'tsconfig.json'),
    logLevel: 'warning',
    metafile: true,
  })
  for (const file of PAGE_FILES) cpSync(join(source, file), join(folder, file))
  return Object.keys(metafile.inputs)
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

/**
 * dockerode can reach a daemon over ssh and build images by BuildKit's sessions, over gRPC; we only
 * ask for a few lists over its unix socket. Without them it is 1 MB less, and sooner read.
 */
const withoutUnused: Plugin = {
  name: 'without-unused',
  setup(api) {
    const leaveOut = ({ path }: { path: string }) => ({ path, namespace: 'left-out' })
    api.onResolve({ filter: /^ssh2$/ }, leaveOut)
    api.onResolve({ filter: /^\.\/session$/ }, (args) =>
      args.importer.includes('/dockerode/lib/') ? leaveOut(args) : undefined,
    )
    api.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
  },
}
