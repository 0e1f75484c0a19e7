import t from 'tap'
import { pageOf, piecesOf, steady, unseenOf } from './page.js'

const PAGE = `# Tour

\`\`\`console
h1# ip r
default via 10.99.0.254
h2# true
\`\`\`

The end.
`

t.test('a page is taken apart and put together again', (t) => {
  const pieces = piecesOf(PAGE)
  t.same(pieces[1], [
    { host: 'h1', command: 'ip r', printed: 'default via 10.99.0.254\n' },
    { host: 'h2', command: 'true', printed: '' },
  ])
  t.equal(pageOf(pieces), PAGE)
  t.throws(() => piecesOf('```console\nno command\n```'), /no command before: no command/)
  t.end()
})

t.test('what the lab does unseen is in comments', (t) => {
  const text = 'Text.\n\n<!-- lab\nlab# poweroff h3\nh1# true\n-->\n<!-- of no lab -->\n'
  t.same(
    unseenOf(text).map(({ host, command }) => `${host}: ${command}`),
    ['lab: poweroff h3', 'h1: true'],
  )
  t.end()
})

t.test('what changes from run to run is no difference, anything else is', (t) => {
  const line = '76: veth0@if75: <UP> master br0 link/ether 6a:ce:89:a2:89:4a link-netnsid 1'
  t.equal(steady(line), steady(line.replaceAll('7', '9').replace('6a:ce', '5a:cd')))
  t.not(steady(line), steady(line.replace('br0', 'br1')))
  const entry = '02:42:0a:14:00:04 dev vxlan0 dst 10.99.0.2 self permanent'
  t.equal(steady(entry), steady(entry.replace('10.99', '10.98')), 'a lab of another number')
  t.not(steady(entry), steady(entry.replace(':04', ':05')), 'a MAC of a container')
  t.not(steady(entry), steady(entry.replace('10.99.0.2', '10.99.0.3')), 'another VTEP')
  t.end()
})
