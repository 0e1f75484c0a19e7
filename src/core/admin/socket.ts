/** Where the admin socket is on a host. */
export const ADMIN_SOCKET = '/run/tsoverlay/admin.sock'
/** Each of its answers has the plugin's version in this header. */
export const VERSION_HEADER = 'tsoverlay-version'
