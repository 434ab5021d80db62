/**
 * The local door to the control API: HTTP on a Unix socket in the state directory. The socket is 0600 in a directory that
 * is 0700, so whoever can connect is the user the gateway runs as; that is the authentication.
 */
import { once } from "node:events";
import { lstatSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { epochSeconds } from "../clock.ts";
import type { ControlError, ControlEvent } from "../control.ts";
import { OAuthError, UserError } from "../errors.ts";
import { controlRoutes } from "./control-routes.ts";
import { ControlFailure, type ControlContext } from "./control/control-route.ts";
import { sendJson } from "./http.ts";

export interface ControlServer {
  /** Ends event streams too; the socket file is gone afterwards. */
  close(): Promise<void>;
}

const LONGEST_BODY = 65_536; // bytes; a registration has less than one kilobyte
const MOST_STREAMS = 16;
const MOST_BUFFERED = 1_048_576; // bytes a slow reader of events may leave unread before it misses some

/** @throws UserError when another gateway answers on the socket or something else lies in its place */
export async function startControlServer(
  context: ControlContext,
  socketPath: string,
): Promise<ControlServer> {
  await clearStaleSocket(socketPath);
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    answer(context, streams, request, response).catch((error: unknown) =>
      sendFailure(context, response, error),
    );
  });
  await listenPrivately(server, socketPath);
  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const stream of streams) stream.end();
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function answer(
  context: ControlContext,
  streams: Set<ServerResponse>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = "/", search = ""] = (request.url ?? "/").split("?", 2);
  if (path === "/events" && request.method === "GET") {
    streamEvents(context, streams, response);
    return;
  }
  const [, noun = "", segment] = path.split("/", 3);
  const pattern = segment === undefined ? `/${noun}` : `/${noun}/:id`;
  const candidates = controlRoutes.filter((route) => route.path === pattern);
  const route = candidates.find(({ method }) => method === request.method);
  if (candidates.length === 0) throw new ControlFailure(404, "not_found", "There is nothing here");
  if (route === undefined) {
    response.setHeader("Allow", candidates.map(({ method }) => method).join(", "));
    throw new ControlFailure(405, "method_not_allowed", `${request.method} is not possible here`);
  }
  const body = route.method === "POST" ? await readJson(request) : undefined;
  const call = { id: decode(segment ?? ""), query: new URLSearchParams(search), body };
  sendJson(response, 200, await route.handle(context, call));
}

/** One JSON line for each event, from now on. */
function streamEvents(
  { events, clock }: ControlContext,
  streams: Set<ServerResponse>,
  response: ServerResponse,
): void {
  if (streams.size >= MOST_STREAMS) {
    throw new ControlFailure(
      429,
      "too_many_streams",
      `${MOST_STREAMS} programs are listening already`,
    );
  }
  streams.add(response);
  let dropped = 0;
  const write = (event: ControlEvent): boolean => response.write(`${JSON.stringify(event)}\n`);
  const unsubscribe = events.subscribe((event) => {
    if (response.writableEnded) return;
    if (response.writableLength > MOST_BUFFERED) {
      dropped += 1;
      return;
    }
    if (dropped > 0) write({ type: "events.dropped", at: epochSeconds(clock), events: dropped });
    dropped = 0;
    write(event);
  });
  response.on("close", () => {
    unsubscribe();
    streams.delete(response);
  });
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  response.flushHeaders();
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
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ControlFailure(400, "invalid_request", "The path is not well encoded");
  }
}

/** Binding happens within `listen`, before anybody can connect: the umask makes the file 0600 from its first moment. */
async function listenPrivately(server: Server, socketPath: string): Promise<void> {
  const umask = process.umask(0o177);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(umask);
  }
  await once(server, "listening");
}

/** A process that was killed leaves its socket behind; one that lives answers on it. */
async function clearStaleSocket(socketPath: string): Promise<void> {
  if (process.platform === "win32") return;
  const found = lstatSync(socketPath, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new UserError(`${socketPath} is in the way of the control socket`, {
      hint: "Move it away, or choose another store.path.",
    });
  }
  if (await isAnswered(socketPath)) {
    throw new UserError(`A gateway is already running on ${socketPath}`, {
      hint: "mcp-gateway status shows it. Stop it first, or choose another store.path.",
    });
  }
  rmSync(socketPath, { force: true });
}

async function isAnswered(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Anything else (no permission, backlog full) means that somebody may be there.
    return code !== "ECONNREFUSED" && code !== "ENOENT";
  } finally {
    socket.destroy();
  }
}
