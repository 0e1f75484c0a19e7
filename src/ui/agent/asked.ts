/** A question that a person asks, answered line by line, and asked again only when they say so. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Answer } from './answer.js'
import { readLines } from './lines.js'

export interface Asked<T> {
  /** `waiting`: it is being answered */
  readonly answer: Answer<never>
  readonly documents: readonly T[]
}

/** @returns what came so far, undefined before the first question; and how to ask */
export function useAsked<T>(): readonly [Asked<T> | undefined, (path: string) => void] {
  const [asked, setAsked] = useState<Asked<T>>()
  const running = useRef<AbortController>(undefined)
  useEffect(() => () => running.current?.abort(), [])
  const ask = (path: string): void => {
    running.current?.abort()
    const own = new AbortController()
    running.current = own
    setAsked({ answer: { state: 'waiting' }, documents: [] })
    const add = (document: T): void =>
      setAsked((before) => before && { ...before, documents: [...before.documents, document] })
    void readLines(path, add, own.signal).then((answer) => {
      if (!own.signal.aborted) setAsked((before) => before && { ...before, answer })
    })
  }
  return [asked, ask]
}
