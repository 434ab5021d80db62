/**
 * The control API behind its doors: which row is asked for, by whom, and what is answered. Who may come in is decided before:
 * at the socket by the file system (control.ts), at `/admin` by an access token (resource/admin.ts).
 *
 * Ids that a path cannot carry, and a proxy in front might refuse (`/` in the URL of a client), are written as `~` and the
 * base64url of what they are.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { epochSeconds } from "../../clock.ts";
import type { ControlError } from "../../control.ts";
import { OAuthError, UserError } from "../../errors.ts";
import { controlRoutes } from "../control-routes.ts";
import { sendJson } from "../http.ts";
import {
  ControlFailure,
  type ControlCaller,
  type ControlContext,
  type ControlRoute,
} from "./control-route.ts";
import { createEventStreams } from "./event-stream.ts";

export interface ControlApi {
  /** @param target path below the door, and query */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    target: string,
    caller: ControlCaller,
  ): Promise<void>;
  endStreams(): void;
}

const LONGEST_BODY = 65_536; // bytes; a registration has less than one kilobyte
const LONGEST_TARGET = 200; // characters of an id that are told

export function createControlApi(context: ControlContext): ControlApi {
  const streams = createEventStreams(context);
  return {
    async answer(request, response, target, caller) {
      try {
        const [path = "/", search = ""] = target.split("?", 2);
        if (path === "/events" && request.method === "GET") {
          const after = new URLSearchParams(search).get("after");
          return streams.open(response, after, caller.signal);
        }
        const { route, id } = find(request, response, path);
        try {
          if (caller.door === "remote") refuseLocalOnly(route);
          const body = route.method === "POST" ? await readJson(request) : undefined;
          const call = { id, query: new URLSearchParams(search), body, caller };
          sendJson(response, 200, await route.handle(context, call));
        } catch (error) {
          sendFailure(context, response, error);
        }
        tell(context, route, id, caller, response.statusCode);
      } catch (error) {
        sendFailure(context, response, error);
      }
    },
    endStreams: () => streams.close(),
  };
}

function find(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): { route: ControlRoute; id: string } {
  const [, noun = "", segment] = path.split("/", 3);
  const pattern = segment === undefined ? `/${noun}` : `/${noun}/:id`;
  const candidates = controlRoutes.filter((route) => route.path === pattern);
  const route = candidates.find(({ method }) => method === request.method);
  if (candidates.length === 0) throw new ControlFailure(404, "not_found", "There is nothing here");
  if (route === undefined) {
    response.setHeader("Allow", candidates.map(({ method }) => method).join(", "));
    throw new ControlFailure(405, "method_not_allowed", `${request.method} is not possible here`);
  }
  return { route, id: decode(segment ?? "") };
}

function refuseLocalOnly({ localOnly }: ControlRoute): void {
  if (localOnly === undefined) return;
  throw new ControlFailure(
    403,
    "local_only",
    `This can only be done on the gateway's own machine: ${localOnly}`,
    "Run the command there, as the user the gateway runs as.",
  );
}

/** Whoever changes something is named; whoever only looks is not. */
function tell(
  { events, clock }: ControlContext,
  { method, path }: ControlRoute,
  id: string,
  { door, auth }: ControlCaller,
  status: number,
): void {
  if (method === "GET") return;
  events.publish({
    type: "control.used",
    at: epochSeconds(clock),
    door,
    ...(auth && { subject: auth.subject, clientId: auth.clientId }),
    action: `${method} ${path}`,
    ...(id !== "" && { target: id.slice(0, LONGEST_TARGET) }),
    status,
  });
}

function sendFailure(context: ControlContext, response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, ...body } = describe(error);
  if (status >= 500) context.log.error({ err: error }, "the control API failed");
  // What was not read of the request would be taken for the next one.
  if (status === 413) response.setHeader("Connection", "close");
  sendJson(response, status, { error: body } satisfies ControlError);
}

function describe(error: unknown): ControlError["error"] & { status: number } {
  if (error instanceof ControlFailure || error instanceof UserError) {
    const { message, hint } = error;
    const place =
      error instanceof ControlFailure
        ? { status: error.status, code: error.code }
        : { status: 400, code: "refused" };
    return { ...place, message, ...(hint !== undefined && { hint }) };
  }
  if (error instanceof OAuthError && error.status < 500) {
    return { status: 400, code: error.code, message: error.message };
  }
  return { status: 500, code: "server_error", message: "The gateway failed; its log says why" };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > LONGEST_BODY) throw new ControlFailure(413, "too_large", "The body is too large");
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new ControlFailure(400, "invalid_request", "The body is not JSON");
  }
}

function decode(segment: string): string {
  if (segment.startsWith("~")) return Buffer.from(segment.slice(1), "base64url").toString("utf8");
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ControlFailure(400, "invalid_request", "The path is not well encoded");
  }
}
