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
}
/** A risky or low-level package has one importing file. */
const ONE_IMPORTER = {
  netlink: '^src/dataplane/rtnl/netlink-rtnl\\.ts$|^src/dataplane/rtnl/codec\\.ts$',
  koffi: '^src/dataplane/libc\\.ts$',
  'dns-packet': '^src/dns/wire\\.ts$',
  dockerode: '^src/control/sync/docker-(api|shapes)\\.ts$',
  etcd3: '^src/state/etcd-store\\.ts$',
  'ip-cidr': '^src/core/ip\\.ts$',
  pino: '^src/plugin\\.ts$',
  commander: '^src/cli/program\\.ts$',
}

const layerRules = Object.entries(LAYERS).map(([layer, may]) => ({
  name: `layer-${layer}`,
  severity: 'error',
  comment: `src/${layer} may import ${may.length === 0 ? 'no other layer' : may.join(', ')}`,
  from: { path: `^src/${layer}/` },
  to: { path: '^src/', pathNot: [layer, ...may].map((name) => `^src/${name}/`) },
}))
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
