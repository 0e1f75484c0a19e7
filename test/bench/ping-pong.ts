/**
 * Request and response over one TCP connection, one at a time, of one byte each: what netperf calls
 * TCP_RR. `serve` answers until it is killed; `ask HOST SECONDS` prints how many a second.
 */
import { connect, createServer } from 'node:net'

const PORT = 5299

function serve(): void {
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('data', () => socket.write('x'))
    socket.on('error', () => socket.destroy())
  })
  server.listen(PORT, () => process.stdout.write('ready\n'))
}

function ask(host: string, seconds: number): void {
  const socket = connect(PORT, host)
  let count = 0
  socket.setNoDelay(true)
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  })
  socket.on('data', () => {
    count += 1
    socket.write('x')
  })
  socket.on('connect', () => {
    socket.write('x')
    setTimeout(() => {
      process.stdout.write(`${count / seconds}\n`)
      process.exit(0)
    }, seconds * 1_000)
  })
}

const [mode = '', host = '', seconds = '1'] = process.argv.slice(2)
if (mode === 'serve') serve()
else ask(host, Number(seconds))
