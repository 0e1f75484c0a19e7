/** Texts that others may read: what opens a door is taken out of them. */

const HIDDEN = '***'
/** As in `name=x`, `"name":"x"`, and in JSON that is a text in JSON. */
const NAMED =
  /((?:password|passwd|secret|token|credentials?|api[-_]?key|private[-_]?key)[\w.-]*\\*["']?\s*[:=]\s*)(?:(\\*["'])(?:(?!\2).)*\2|[^\s,;}\]"']+)/gi
const AUTHORIZATION =
  /(authorization\\*["']?\s*[:=]\s*\\*["']?)(?:(?:basic|bearer)\s+)?[^\s,;}\]"'\\]+/gi
const IN_URL = /(\b[a-z][a-z\d+.-]*:\/\/)[^\s"'<>]*@/gi
const KEY_BLOCK = /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gs

/** The text without passwords, tokens, keys, and names with passwords in URLs. */
export function withoutSecrets(text: string): string {
  return text
    .replace(KEY_BLOCK, HIDDEN)
    .replace(IN_URL, `$1${HIDDEN}@`)
    .replace(AUTHORIZATION, `$1${HIDDEN}`)
    .replace(NAMED, (_all, name: string, quote = '') => `${name}${quote}${HIDDEN}${quote}`)
}
