/** A logger that keeps its lines. */
import type { Logger } from '../../src/core/ports.js'

export class RecordingLogger implements Logger {
  readonly lines: string[] = []

  debug(fields: object, message: string): void {
    this.#note('debug', fields, message)
  }
  info(fields: object, message: string): void {
    this.#note('info', fields, message)
  }
  warn(fields: object, message: string): void {
    this.#note('warn', fields, message)
  }
  error(fields: object, message: string): void {
    this.#note('error', fields, message)
  }

  /** Number of lines with this message. */
  count(message: string): number {
    return this.lines.filter((line) => line.includes(` ${message} {`)).length
  }

  #note(level: string, fields: object, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
}
