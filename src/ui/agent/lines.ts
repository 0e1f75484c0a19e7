/** Answers that come line by line. */
import { type Answer, refusalOf } from './answer.js'

/**
 * Calls `each` with every document of the answer as it comes.
 * @returns how it ended: `fresh` when the agent had said all
 */
export async function readLines<T>(
  path: string,
  each: (document: T) => void,
  signal: AbortSignal,
): Promise<Answer<never>> {
  try {
    const response = await fetch(`api${path}`, { signal, cache: 'no-store' })
    if (!response.ok) {
      const route = `GET ${path.split('?')[0]}`
      return refusalOf(response.status, await response.text(), route)
    }
    if (response.body === null) return { state: 'fresh' }
    let rest = ''
    for await (const text of texts(response.body)) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') each(JSON.parse(line) as T)
    }
    if (rest.trim() !== '') each(JSON.parse(rest) as T)
    return { state: 'fresh' }
  } catch {
    return { state: 'ended', why: 'The answer broke off.' }
  }
}

async function* texts(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield decoder.decode(value, { stream: true })
  }
}
