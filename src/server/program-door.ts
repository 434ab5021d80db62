/**
 * The endpoints that programs call (token, registration, metadata ...), answered without Express: the same rows of the route
 * table, the same steps in the same order, but no router and no wrapping of request and response, which cost more than the
 * work of most of these endpoints.
 *
 * What steps may rely on is therefore little: `response.locals`, `request.path` and `request.originalUrl`. Pages, and paths with
 * a parameter in them, stay with Express.
 */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";
import { requestId } from "../random.ts";
import type { ServerContext } from "./context.ts";
import { cors } from "./cors.ts";
import { oauthErrorHandler } from "./oauth/error-handler.ts";
import { methodNotAllowed, type Route } from "./routes.ts";

type Step = RequestHandler | ErrorRequestHandler;

/** @returns false when none of the rows is at `path`; then nothing was done. */
export type ProgramDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Promise<boolean>;

export function createProgramDoor(context: ServerContext, table: readonly Route[]): ProgramDoor {
  const endpoints = new Map<string, Map<string, readonly Step[]>>();
  for (const [method, path, steps] of table) {
    const methods = endpoints.get(path) ?? new Map<string, readonly Step[]>();
    endpoints.set(path, methods.set(method, steps));
    if (method === "GET") methods.set("HEAD", steps);
  }
  const refusals = new Map(
    [...endpoints.keys()].map((path) => {
      return [path, [cors, methodNotAllowed(table.filter((row) => row[1] === path))]];
    }),
  );
  const handleError = oauthErrorHandler(context);

  return async (plainRequest, plainResponse, path) => {
    const methods = endpoints.get(path);
    if (!methods) return false;
    const { request, response } = withLocals(plainRequest, plainResponse, path);
    const steps = methods.get(request.method) ?? refusals.get(path)!;
    try {
      await walk(steps, request, response);
    } catch (error) {
      // The answer has begun when the handler passes the error on: app.ts cuts it off.
      await handleError(error, request, response, (unhandled: unknown) => {
        throw unhandled;
      });
    }
    return true;
  };
}

function withLocals(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): { request: Request; response: Response } {
  const locals = { requestId: requestId() };
  return {
    request: Object.assign(request, { path, originalUrl: request.url }) as Request,
    response: Object.assign(response, { locals }) as unknown as Response,
  };
}

/** As Express walks: a step goes on by calling `next`; after an error only the steps with four parameters see it. */
async function walk(steps: readonly Step[], request: Request, response: Response): Promise<void> {
  let failure: { error: unknown } | undefined;
  for (const step of steps) {
    const seesErrors = step.length === 4;
    if (seesErrors !== (failure !== undefined)) continue;
    let goesOn = false;
    const next = (error?: unknown): void => {
      goesOn = true;
      if (error !== undefined) failure = { error };
    };
    try {
      if (seesErrors) await (step as ErrorRequestHandler)(failure!.error, request, response, next);
      else await (step as RequestHandler)(request, response, next);
    } catch (error) {
      failure = { error };
      continue;
    }
    if (!goesOn) return;
  }
  if (failure) throw failure.error;
}
