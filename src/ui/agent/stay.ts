/** An answer that goes on and on, asked for again when it breaks off; not while the page is not seen. */
import type { Answer } from './answer.js'
import { readLines } from './lines.js'

const AGAIN_MS = 2_000

/** @param tell how it stands, whenever that changes @returns how to stop it */
export function stay<T>(
  path: string,
  each: (document: T) => void,
  tell: (answer: Answer<never>) => void,
): () => void {
  let asking: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const ask = async (): Promise<void> => {
    const own = new AbortController()
    asking = own
    const answer = await readLines(path, each, own.signal)
    if (own.signal.aborted) return
    tell(answer)
    timer = setTimeout(() => void ask(), AGAIN_MS)
  }
  const end = (): void => {
    clearTimeout(timer)
    asking?.abort()
  }
  const look = (): void => {
    end()
    if (!document.hidden) void ask()
  }
  document.addEventListener('visibilitychange', look)
  look()
  return () => {
    document.removeEventListener('visibilitychange', look)
    end()
  }
}
