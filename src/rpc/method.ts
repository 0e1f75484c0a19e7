/** One method of the plugin protocol: its name, what it takes, what it gives, what it does. */
import type { Static, TSchema } from 'typebox'

interface Definition<Request extends TSchema, Response extends TSchema> {
  /** `NetworkDriver.Join`; the path is this after a slash */
  readonly name: string
  readonly request: Request
  readonly response: Response
  /** @param signal aborts at the call's deadline */
  call(body: Static<Request>, signal: AbortSignal): Promise<Static<Response>>
}

/** A method whose types have been forgotten, so that all fit into one table. */
export interface Method {
  readonly name: string
  /** absent: the method takes no argument, and dockerd sends an empty body */
  readonly request?: TSchema
  readonly response: TSchema
  call(body: unknown, signal: AbortSignal): Promise<unknown>
}

/** A method with a request. The server calls it only with a body that fits `request`. */
export function method<Request extends TSchema, Response extends TSchema>(
  definition: Definition<Request, Response>,
): Method {
  return {
    ...definition,
    call: (body, signal) => definition.call(body as Static<Request>, signal),
  }
}

/** A method without an argument, whose answer is always the same. */
export function constant<Response extends TSchema>(
  name: string,
  response: Response,
  answer: Static<Response>,
): Method {
  return { name, response, call: async () => answer }
}
