/**
 * A reverse proxy with TLS in front of a gateway, which does to requests and answers what badly configured ones do.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGateway, type TestGateway } from "./gateway.ts";
import { makeCertificate } from "./tls-site.ts";
import { freePort } from "./bearer-proxy.ts";

/** What is wrong with the proxy; nothing when empty. */
export interface Fault {
  /** @returns whether it has answered by itself */
  takes?(incoming: IncomingMessage, response: ServerResponse): boolean;
  /** @returns whether a request with this body is refused with 400 */
  refuses?(body: string): boolean;
  /** Names of answer headers that do not get through. */
  drops?: RegExp;
  headers?: Record<string, string>;
  /** What becomes of the text of documents. */
  rewrites?(text: string): string;
  /** Events are kept back. */
  buffers?: boolean;
}

export interface FrontEnd {
  gateway: TestGateway;
  certificate: string;
  /** From now on. */
  break(fault: Fault): void;
  close(): Promise<void>;
}

export async function startBehindFrontEnd(): Promise<FrontEnd> {
  const directory = mkdtempSync(join(tmpdir(), "mcpg-front-"));
  const [keyFile, certificateFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  makeCertificate(keyFile, certificateFile);
  const certificate = readFileSync(certificateFile, "utf8");
  const inner = await freePort();
  let fault: Fault = {};

  const proxy = createServer({ key: readFileSync(keyFile), cert: certificate });
  const forward = (incoming: IncomingMessage, response: ServerResponse, body?: string): void => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port: inner, method, path, headers });
    outgoing.on("response", (answer) => void pass(answer, response, fault));
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    if (body === undefined) incoming.pipe(outgoing);
    else outgoing.end(body);
  };
  proxy.on("request", (incoming: IncomingMessage, response: ServerResponse) => {
    if (fault.takes?.(incoming, response)) return;
    if (!fault.refuses) return forward(incoming, response);
    void textOf(incoming).then((body) => {
      if (fault.refuses?.(body)) response.writeHead(400).end();
      else forward(incoming, response, body);
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  const gateway = await startGateway({
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { host: "127.0.0.1", port: inner },
    },
  });
  return {
    gateway,
    certificate,
    break: (next) => (fault = next),
    async close() {
      await gateway.close();
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, "close");
      rmSync(directory, { recursive: true });
    },
  };
}

async function pass(
  answer: IncomingMessage,
  response: ServerResponse,
  fault: Fault,
): Promise<void> {
  const kept = Object.entries(answer.headers).filter(([name]) => !fault.drops?.test(name));
  const headers = { ...Object.fromEntries(kept), ...fault.headers };
  const isStream = String(headers["content-type"]).startsWith("text/event-stream");
  if (fault.buffers && isStream) {
    answer.resume();
  } else if (!fault.rewrites || isStream) {
    response.writeHead(answer.statusCode!, headers);
    response.flushHeaders();
    answer.pipe(response);
  } else {
    const text = await textOf(answer);
    delete headers["content-length"];
    response.writeHead(answer.statusCode!, headers);
    response.end(fault.rewrites(text));
  }
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of message.setEncoding("utf8")) text += chunk as string;
  return text;
}
