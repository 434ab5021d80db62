/**
 * Sockets: where the gateway listens, and how it stops listening.
 */
import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import { UserError } from "../errors.ts";
import { createHttpServer, type RequestListener } from "./app.ts";

/** `localhost` means both loopback addresses: clients try either first. */
export async function listen(
  { host, port }: { readonly host: string; readonly port: number },
  listener: RequestListener,
): Promise<Server[]> {
  const first = await listenOn(host === "localhost" ? "127.0.0.1" : host, port, listener);
  if (host !== "localhost") return [first];
  try {
    return [first, await listenOn("::1", portOf(first), listener)];
  } catch {
    return [first]; // no IPv6 on this machine, or somebody else's port there
  }
}

async function listenOn(host: string, port: number, listener: RequestListener): Promise<Server> {
  const server = createHttpServer().on("request", listener);
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `Cannot listen on ${host}:${port}${code === undefined ? "" : ` (${code})`}`,
      {
        hint:
          code === "EADDRINUSE"
            ? "Another program has that port: stop it, or choose another with --port or in listen."
            : "Choose another address or port in listen.",
        cause: error,
      },
    );
  }
  return server;
}

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** @param graceSeconds until connections that are still busy are cut off */
export async function closeServer(server: Server, graceSeconds: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  // A busy client would go on with its connection: each answer from now on is the last there.
  server.prependListener("request", (_request, response: ServerResponse) => {
    response.shouldKeepAlive = false;
  });
  // What was busy a moment ago and falls idle now would otherwise be waited for.
  const sweep = setInterval(() => server.closeIdleConnections(), 100).unref(); // ms
  const timer = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000).unref();
  await closed;
  clearInterval(sweep);
  clearTimeout(timer);
}
