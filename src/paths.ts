/** Paths inside the plugin; config.json mounts the host's /run on /host/run. */
export const DATA = '/data'
export const HOST_RUN = '/host/run'
/** The first is where dockerd looks for a managed plugin, the second for one without management. */
export const SOCKETS = [
  '/run/docker/plugins/tsoverlay.sock',
  `${HOST_RUN}/docker/plugins/tsoverlay.sock`,
]
export const ETCD = '/usr/bin/etcd'
export const CLI = '/app/cli.js'
