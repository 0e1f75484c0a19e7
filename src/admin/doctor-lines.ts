/** What `doctor` finds as lines of JSON, as it finds it; it ends with who reads them. */
import { Readable } from 'node:stream'
import type { Doctor } from '../control/doctor/doctor.js'
import type { DoctorLine } from '../core/admin/doctor.js'
import { messageOf, TsoverlayError } from '../core/errors.js'

export function doctorLines(doctor: Pick<Doctor, 'look'>, all: boolean): Readable {
  const leaving = new AbortController()
  const stream = new Readable({ read: () => undefined })
  stream.once('close', () => leaving.abort())
  const tell = (line: DoctorLine): void => {
    if (!stream.destroyed) stream.push(`${JSON.stringify(line)}\n`)
  }
  void doctor
    .look(all, tell, leaving.signal)
    .catch((error: unknown) => {
      const code = error instanceof TsoverlayError ? error.code : 'INTERNAL'
      tell({ error: { code, message: messageOf(error) } })
    })
    .then(() => {
      if (!stream.destroyed) stream.push(null)
    })
  return stream
}
