/** `ui`: the page of this host's agent, until Ctrl-C. */
import { dirname, join } from 'node:path'
import { CliFailure, EXIT } from '../failure.js'
import { readAssets } from '../ui/assets.js'
import { PageServer } from '../ui/page-server.js'
import { type AddVerbs, type Command, examples, type Tools } from '../verb.js'

const PORT = 8480
const MOST = 65_535
/** Beside the program's file; `make plugin` makes them. */
const filesOf = (program: string): string => join(dirname(program), 'ui')

export const addUi: AddVerbs = (tools) => {
  const ui = tools.root
    .command('ui')
    .description('serve a page that shows and explains the cluster, on loopback, until Ctrl-C')
    .option('--port <n>', 'TCP port on 127.0.0.1; 0: any that is free', String(PORT))
  examples(ui, [
    ['tsoverlay ui', 'then open the URL that it prints'],
    ['ssh -L 8480:127.0.0.1:8480 node-1 sudo tsoverlay ui', 'the page of another machine'],
  ]).action(async ({ port }: { port: string }, own) => {
    await serve(tools, own, portOf(port))
  })
}

async function serve({ terminal }: Tools, command: Command, port: number): Promise<void> {
  const { socket } = command.optsWithGlobals<{ socket: string }>()
  const page = new PageServer({
    assets: readAssets(filesOf(process.argv[1] ?? '')),
    socketPath: socket,
  })
  const url = await page.listen(port).catch((error: unknown) => {
    throw refusal(error, port)
  })
  terminal.out(`${url}\n`)
  terminal.err('The URL is a key to this page: whoever has it sees the cluster. Ctrl-C ends.\n')
  await new Promise<void>((resolve) => terminal.onInterrupt?.(resolve))
  await page.close()
}

function refusal(error: unknown, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return new CliFailure(
      `port ${port} of 127.0.0.1 is in use: --port names another, --port 0 takes any`,
    )
  }
  if (code === 'EACCES') return new CliFailure(`port ${port} of 127.0.0.1 is for root only`)
  return error
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= MOST) return port
  throw new CliFailure(`--port "${text}" is no port: 0 to ${MOST} are`, EXIT.usage)
}
