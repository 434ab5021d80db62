/**
 * The way to a gateway on this machine: HTTP on the socket in its state directory.
 */
import { request, type IncomingMessage } from "node:http";
import { EXIT, UserError } from "../errors.ts";
import { statePaths } from "../paths.ts";
import type { ControlTransport } from "./transport.ts";

export function socketTransport(stateDirectory: string): ControlTransport {
  const { controlSocket, directory } = statePaths(stateDirectory);
  return async ({ method, path, body, signal }) => {
    const response = await new Promise<IncomingMessage>((fulfil, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const outgoing = request(
        {
          socketPath: controlSocket,
          method,
          path,
          agent: false,
          headers,
          ...(signal && { signal }),
        },
        fulfil,
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error, directory)));
      outgoing.end(body);
    });
    return { status: response.statusCode!, text: response.setEncoding("utf8") };
  };
}

/** What a failed connection means to the person who typed the command. */
function explain(error: NodeJS.ErrnoException, directory: string): unknown {
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTDIR") {
    return new UserError(`No gateway is running for ${directory}`, {
      hint: "Start one with mcp-gateway dev or mcp-gateway serve, or name its configuration with --config.",
      exitCode: EXIT.notRunning,
      cause: error,
    });
  }
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new UserError(`The gateway for ${directory} belongs to another user`, {
      hint: "Run the command as the user the gateway runs as.",
      exitCode: EXIT.notAuthorised,
      cause: error,
    });
  }
  if (error.code === "ECONNRESET" || error.code === "EPIPE") {
    return new UserError("The gateway ended before it answered", {
      hint: "See its log, start it again and repeat the command.",
      exitCode: EXIT.notRunning,
      cause: error,
    });
  }
  return error;
}
