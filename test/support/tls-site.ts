/**
 * A web site with TLS on loopback that answers whatever a test wants, and keeps count of who came: connections too, since a
 * guard that refuses only after connecting still tells a stranger which ports are open.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TlsSite {
  /** `https://localhost:<port>` */
  origin: string;
  port: number;
  /** PEM, and the file it is in; it vouches for itself. */
  certificate: string;
  certificateFile: string;
  /** Every request so far. */
  requests: { path: string; headers: IncomingHttpHeaders }[];
  /** TCP connections so far, with or without a request. */
  connections(): number;
  /** What a path answers from now on. @returns its URL */
  serve(path: string, answer: Answer | RequestListener): string;
  close(): Promise<void>;
}

/** 200 and JSON unless told. An object as the body is written as JSON. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer | object;
}

export async function startTlsSite(): Promise<TlsSite> {
  const directory = mkdtempSync(join(tmpdir(), "mcpg-site-"));
  const certificateFile = join(directory, "certificate.pem");
  const keyFile = join(directory, "key.pem");
  makeCertificate(keyFile, certificateFile);
  const certificate = readFileSync(certificateFile, "utf8");
  const answers = new Map<string, Answer | RequestListener>();
  const requests: TlsSite["requests"] = [];
  let connections = 0;

  const server = createServer(
    { key: readFileSync(keyFile), cert: certificate },
    (request, response) => {
      const path = request.url ?? "";
      requests.push({ path, headers: request.headers });
      const answer = answers.get(path) ?? { status: 404 };
      if (typeof answer === "function") return answer(request, response);
      const { status = 200, headers = {}, body = "" } = answer;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    },
  );
  server.on("connection", () => (connections += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const origin = `https://localhost:${port}`;

  return {
    origin,
    port,
    certificate,
    certificateFile,
    requests,
    connections: () => connections,
    serve(path, answer) {
      answers.set(path, answer);
      return `${origin}${path}`;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(directory, { recursive: true });
    },
  };
}

/** A key and a certificate for this machine, in two files. */
export function makeCertificate(keyFile: string, certificateFile: string): void {
  const names = "subjectAltName=DNS:localhost,DNS:client.example.com,IP:127.0.0.1,IP:::1";
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
    "-subj", "/CN=localhost", "-addext", names, "-keyout", keyFile, "-out", certificateFile,
  ], { stdio: "ignore" }); // prettier-ignore
}
