/**
 * Requests to the gateway's own listener without sockets: for tests that need tens of thousands of them.
 */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { RequestListener } from "../../src/server/app.ts";

export interface Injected {
  method: string;
  url: string;
  /** Name, value, name, value; as on the wire. */
  headers: readonly string[];
  body?: string | Uint8Array;
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  text: string;
}

export function inject(listener: RequestListener, sent: Injected): Promise<Answer> {
  const socket = new Socket();
  Object.defineProperty(socket, "remoteAddress", { value: "127.0.0.1" });
  const request = new IncomingMessage(socket);
  const body = Buffer.from(sent.body ?? "");
  const headers = [...sent.headers, "Content-Length", String(body.length)];
  request.method = sent.method;
  request.url = sent.url;
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  request.rawHeaders.push(...headers);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    // As Node joins them: the first of those that must be unique, a list of the others.
    const isUnique = ["authorization", "content-type", "host"].includes(name);
    const separator = name === "cookie" ? "; " : ", ";
    const before = request.headers[name];
    if (before === undefined) request.headers[name] = headers[at + 1]!;
    else if (!isUnique) request.headers[name] = `${String(before)}${separator}${headers[at + 1]!}`;
  }
  request.push(body);
  request.push(null);
  request.complete = true;
  const response = new ServerResponse(request);
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const finish = (chunk: unknown): void => {
      if (typeof chunk === "string" || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
      resolve({
        status: response.statusCode,
        headers: response.getHeaders(),
        text: Buffer.concat(chunks).toString(),
      });
    };
    response.write = ((chunk: string | Uint8Array) => chunks.push(Buffer.from(chunk)) > 0) as never;
    response.end = ((chunk: unknown) => {
      Object.defineProperty(response, "headersSent", { value: true });
      finish(chunk);
      return response;
    }) as never;
    response.destroy = (error?: Error) => {
      reject(error ?? new Error("the connection was cut"));
      return response;
    };
    response.writeHead = ((status: number, more: Record<string, string> = {}) => {
      response.statusCode = status;
      for (const [name, value] of Object.entries(more)) response.setHeader(name, value);
      return response;
    }) as never;
    listener(request, response);
  });
}
