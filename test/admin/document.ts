/** The admin socket's routes as an OpenAPI document. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { addRoutes, type Resources } from '../../src/admin/routes/routes.js'
import { adminApp } from '../../src/admin/server.js'

interface Operation {
  readonly summary?: string
  readonly responses: Readonly<Record<string, Answer | undefined>>
}

interface Answer {
  readonly description?: string
  readonly content?: Readonly<Record<string, { readonly schema: object } | undefined>>
}

export interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** @returns an app with all routes, and the document that it gives of itself */
export async function documented(
  resources: Resources,
): Promise<{ readonly app: FastifyInstance; readonly document: Document }> {
  const app = adminApp()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'tsoverlay',
        description:
          "What the plugin's admin socket answers, /run/tsoverlay/admin.sock, which is root's. GET /metrics, in Prometheus' format, is there beside these.",
        // of the contract: it is raised when a field goes or changes its meaning
        version: '1',
      },
    },
  })
  addRoutes(app, resources)
  await app.ready()
  return { app, document: app.swagger() as unknown as Document }
}
