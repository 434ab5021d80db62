/**
 * The local door to the control API: HTTP on a Unix socket in the state directory. The socket is 0600 in a directory that
 * is 0700, so whoever can connect is the user the gateway runs as; that is the authentication.
 */
import { once } from "node:events";
import { lstatSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { UserError } from "../errors.ts";
import type { ControlApi } from "./control/control-api.ts";

export interface ControlServer {
  /** Ends event streams too; the socket file is gone afterwards. */
  close(): Promise<void>;
}

/** @throws UserError when another gateway answers on the socket or something else lies in its place */
export async function startControlServer(
  api: ControlApi,
  socketPath: string,
): Promise<ControlServer> {
  await clearStaleSocket(socketPath);
  const server = createServer((request, response) => {
    void api.answer(request, response, request.url ?? "/", { door: "local" });
  });
  await listenPrivately(server, socketPath);
  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      api.endStreams();
      server.closeIdleConnections();
      await closed;
    },
  };
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
