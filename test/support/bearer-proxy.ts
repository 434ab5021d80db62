/**
 * A reverse proxy that adds an access token and nothing else.
 *
 * The conformance suite cannot send a token. It talks to this proxy, which stands where clients think the gateway is:
 * it listens on the port of the gateway's public URL, the gateway itself on another. Host, Origin, bodies, event
 * streams and aborts pass unchanged, so what the suite proves about Host checks or streaming is proved about the gateway.
 */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

export interface BearerProxy {
  port: number;
  /** `http://localhost:<port>` */
  url: string;
  close(): Promise<void>;
}

/**
 * @param target origin of the gateway's listener, such as `http://127.0.0.1:8080`
 * @param token undefined to add none, as a control
 * @param port where to listen on loopback; 0 for any
 */
export async function withBearer(
  target: string,
  token: string | undefined,
  port = 0,
): Promise<BearerProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const server = createServer((incoming, response) => {
    forward(incoming, response, { hostname, port: targetPort }, token);
  });
  const bound = await listen(server, port);
  return {
    port: bound,
    url: `http://localhost:${bound}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Ports that are given out here: below those that a system gives away by itself, so that nobody takes one in the moment in
 * which it is free, and each worker of vitest has its own.
 */
const FIRST_PORT = 10_000;
const PORTS_OF_A_WORKER = 5000;
const ownPorts = FIRST_PORT + (Number(process.env["VITEST_POOL_ID"] ?? 0) % 4) * PORTS_OF_A_WORKER;
let drawn = Math.floor(Math.random() * PORTS_OF_A_WORKER); // another run may be under way

/** A port on loopback that was free a moment ago: a public URL must be known before anybody listens on it. */
export async function freePort(): Promise<number> {
  for (;;) {
    drawn = (drawn + 1) % PORTS_OF_A_WORKER;
    const server = createServer();
    try {
      const port = await listen(server, ownPorts + drawn);
      server.close();
      await once(server, "close");
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on TCP");
  return address.port;
}

function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: { hostname: string; port: string },
  token: string | undefined,
): void {
  const headers = endToEnd(incoming.rawHeaders, token === undefined ? [] : ["authorization"]);
  if (token !== undefined) headers.push("Authorization", `Bearer ${token}`);
  // Headers as a flat list: Node then adds no Host of its own and keeps spelling, order and repetitions.
  const outgoing = request({
    ...target,
    method: incoming.method,
    path: incoming.url,
    headers,
    agent: false,
  });
  outgoing.on("response", (answer) => {
    response.writeHead(answer.statusCode!, answer.statusMessage, endToEnd(answer.rawHeaders));
    response.flushHeaders();
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  outgoing.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  response.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** Drop what belongs to one connection (RFC 9110 §7.6.1); framing headers stay, Node acts on them. */
function endToEnd(raw: string[], drop: string[] = []): string[] {
  const dropped = new Set(["connection", "keep-alive", "proxy-connection", ...drop]);
  return raw.filter((_, index) => !dropped.has(raw[index - (index % 2)]!.toLowerCase()));
}
