/** What is not well. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Doctor } from '../../control/doctor/doctor.js'
import { DoctorLine } from '../../core/admin/doctor.js'
import { doctorLines } from '../doctor-lines.js'
import { says } from './route.js'

export interface DoctorResources {
  readonly doctor: Pick<Doctor, 'look'>
}

const WhichHosts = Type.Object({ hosts: Type.Optional(Type.Literal('all')) })

export function doctorRoutes(app: FastifyInstance, { doctor }: DoctorResources): void {
  app.get<{ Querystring: { hosts?: 'all' } }>(
    '/doctor',
    says({
      summary: 'what is not well on this host, or on all, and what mends it',
      answer: DoctorLine,
      querystring: WhichHosts,
      lines: true,
    }),
    async ({ query }, reply) =>
      reply.type('application/x-ndjson').send(doctorLines(doctor, query.hosts === 'all')),
  )
}
