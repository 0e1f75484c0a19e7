/**
 * Exit codes, which scripts rely on: 0 it is done, and nothing is wrong; 1 it failed, with one line that
 * says why; 2 wrong usage; 3 it is done, and what was looked at is not as it should be. `netns` with a
 * command ends with that command's.
 */
export const EXIT = { done: 0, failed: 1, usage: 2, found: 3 } as const

/** Ends the CLI with a line and a code. */
export class CliFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message)
    this.exitCode = exitCode
  }
}
