/** Paths inside the plugin; config.json mounts the host's /run on /host/run. */
export const DATA = '/data'
export const HOST_RUN = '/host/run'
/** Our folder in the host's /run, as seen here and by the host. */
export const RUN = `${HOST_RUN}/tsoverlay`
export const RUN_ON_HOST = '/run/tsoverlay'
/** The first is where dockerd looks for a managed plugin, the second for one without management. */
export const SOCKETS = [
  '/run/docker/plugins/tsoverlay.sock',
  `${HOST_RUN}/docker/plugins/tsoverlay.sock`,
]
export const ETCD = '/usr/bin/etcd'
export const CLI = '/app/cli.cjs'
export const ADMIN_SOCKET = `${RUN}/admin.sock`
export const ADMIN_SOCKET_ON_HOST = `${RUN_ON_HOST}/admin.sock`
