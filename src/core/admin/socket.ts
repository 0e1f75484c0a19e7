/** Where the admin socket is on a host. */
export const ADMIN_SOCKET = '/run/tsoverlay/admin.sock'
