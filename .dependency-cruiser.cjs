/** Which folder may import which. docs/DESIGN.md explains the layers. */
const LAYERS = {
  core: [],
  state: ['core'],
  ipam: ['core', 'state'],
  backends: ['core'],
  dataplane: ['core'],
  control: ['core', 'state', 'ipam', 'backends'],
  rpc: ['core'],
  dns: ['core'],
  admin: ['core', 'control'],
  cli: ['core'],
  wire: ['core', 'state', 'ipam', 'backends', 'control'],
}
/** The same among the rooms of src/control; driver.ts stands over them all. */
const ROOMS = {
  dockerd: [],
  troubles: [],
  events: ['troubles'],
  peers: [],
  inquiries: [],
  probes: ['inquiries', 'passes', 'peers', 'underlay'],
  restarts: ['dockerd'],
  records: ['peers'],
  ranges: ['dockerd', 'troubles'],
  hosts: ['troubles'],
  underlay: ['peers', 'troubles'],
  passes: ['peers', 'records', 'underlay'],
  sync: ['dockerd', 'ranges', 'records'],
  names: ['dockerd', 'peers', 'records', 'troubles'],
  floating: ['passes', 'peers', 'records', 'troubles'],
  endpoints: ['names', 'passes', 'peers', 'ranges', 'records', 'sync', 'troubles', 'underlay'],
  networks: ['endpoints', 'passes', 'ranges', 'records', 'underlay'],
  swarm: ['networks', 'records', 'underlay'],
  sweeps: ['dockerd', 'endpoints', 'networks', 'records'],
  doctor: ['inquiries', 'operator', 'passes', 'peers', 'probes', 'ranges', 'underlay'],
  trace: ['dockerd', 'inquiries', 'names', 'passes', 'peers'],
  insight: ['dockerd', 'passes', 'peers'],
  operator: ['endpoints', 'hosts', 'names', 'passes', 'peers', 'records', 'sync', 'troubles'],
}
/** A risky or low-level package has one importing file. */
const ONE_IMPORTER = {
  netlink: '^src/dataplane/rtnl/netlink-rtnl\\.ts$|^src/dataplane/rtnl/codec\\.ts$',
  koffi: '^src/dataplane/libc\\.ts$',
  'dns-packet': '^src/dns/wire\\.ts$',
  dockerode: '^src/control/dockerd/docker-(api|shapes)\\.ts$',
  etcd3: '^src/state/etcd-store\\.ts$',
  'ip-cidr': '^src/core/ip\\.ts$',
  pino: '^src/plugin\\.ts$',
  commander: '^src/cli/(program|verb)\\.ts$',
}

const layerRules = Object.entries(LAYERS).map(([layer, may]) => ({
  name: `layer-${layer}`,
  severity: 'error',
  comment: `src/${layer} may import ${may.length === 0 ? 'no other layer' : may.join(', ')}`,
  from: { path: `^src/${layer}/` },
  to: { path: '^src/', pathNot: [layer, ...may].map((name) => `^src/${name}/`) },
}))
const roomRules = Object.entries(ROOMS).map(([room, may]) => ({
  name: `room-${room}`,
  severity: 'error',
  comment: `src/control/${room} may import ${may.length === 0 ? 'no other room' : may.join(', ')}`,
  from: { path: `^src/control/${room}/` },
  to: { path: '^src/control/', pathNot: [room, ...may].map((name) => `^src/control/${name}/`) },
}))
const noRoom = {
  name: 'no-room',
  severity: 'error',
  comment: 'a folder of src/control has a row in ROOMS',
  from: {
    path: '^src/control/',
    pathNot: ['^src/control/driver\\.ts$', ...Object.keys(ROOMS).map((name) => `^src/control/${name}/`)],
  },
  to: {},
}
const importerRules = Object.entries(ONE_IMPORTER).map(([name, file]) => ({
  name: `one-importer-${name}`,
  severity: 'error',
  comment: `only ${file} imports ${name}`,
  from: { path: '^src/', pathNot: file },
  to: { path: `node_modules/${name}/` },
}))

module.exports = {
  forbidden: [
    ...layerRules,
    ...roomRules,
    noRoom,
    ...importerRules,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-test-in-src', severity: 'error', from: { path: '^(src|plugin)/' }, to: { path: '^test/' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
    doNotFollow: { path: 'node_modules' },
  },
}
