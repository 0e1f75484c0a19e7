/**
 * Sees the files of containers' namespaces appear (inotify). dockerd makes the file first and mounts
 * the namespace on it a moment later.
 */
import { type FSWatcher, mkdirSync, watch } from 'node:fs'
import type { Logger } from '../../core/ports.js'

export class NamespaceWatch {
  #listener: (name: string) => void = () => undefined
  #watcher: FSWatcher | undefined

  /** @param directory of the files; made if it is not there */
  constructor(directory: string, logger: Logger) {
    try {
      mkdirSync(directory, { recursive: true })
      this.#watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name !== null) this.#listener(name)
      })
      this.#watcher.on('error', (error) => {
        logger.warn({ err: error.message }, 'namespaces are not watched')
      })
    } catch (error) {
      const err = error instanceof Error ? error.message : String(error)
      logger.warn({ err }, 'namespaces are not watched')
    }
  }

  onAppear(listener: (name: string) => void): void {
    this.#listener = listener
  }

  close(): void {
    this.#watcher?.close()
  }
}
