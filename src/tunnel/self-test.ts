/**
 * Whether a tunnel carries what MCP and OAuth need, found out before the gateway stands behind it: a server of its own answers
 * on the port meanwhile, so the gateway has no door for it.
 *
 * Each event is sent only when the one before has been acknowledged. A tunnel that keeps events back is thus found by their
 * order, not by a clock.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../clock.ts";
import { UserError } from "../errors.ts";
import { digest, randomToken } from "../random.ts";
import type { Tunnel } from "./tunnel.ts";

/** What does not come through, and what follows from it. */
interface TunnelFault {
  readonly check: "body" | "host" | "authorization" | "events" | "browser";
  readonly sentence: string;
  /** Nothing works without it. */
  readonly isFatal: boolean;
}

export interface Probe {
  readonly port: number;
  /** @param arrival seconds within which the address must lead here @throws UserError when it does not */
  test(tunnel: Tunnel, arrival?: number): Promise<TunnelFault[]>;
  close(): Promise<void>;
}

const EVENTS = 3;
const ARRIVAL = 60; // seconds; a new name may take that long to be known
const STEP = 10; // seconds for each check

/** @throws UserError when the port is taken */
export async function startProbe(port: number): Promise<Probe> {
  const nonce = randomToken(); // whoever finds the address meanwhile learns nothing and can do nothing
  let acknowledge = (): void => undefined;
  const server = createServer((request, response) => {
    if (request.url === `/${nonce}/events`) {
      let sent = 0;
      acknowledge = () => void (sent < EVENTS && response.write(`data: ${++sent}\n\n`));
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      acknowledge();
    } else if (request.url === `/${nonce}/next` && request.method === "POST") {
      acknowledge();
      response.writeHead(204).end();
    } else if (request.url === `/${nonce}`) void echo(request, response);
    else response.writeHead(404).end();
  });
  await listening(server, port);
  const address = server.address() as { port: number };

  return {
    port: address.port,
    async test(tunnel, arrival = ARRIVAL) {
      const url = `${tunnel.publicUrl}/${nonce}`;
      await arrived(url, tunnel, arrival);
      const checks = [sendAndCompare(url, tunnel), readEvents(url), openAsBrowser(url)];
      return (await Promise.all(checks)).flat();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @throws UserError when what answers at the public address is not the authorization server of that name */
export async function checkIssuer(publicUrl: string): Promise<void> {
  const answer = await ask(`${publicUrl}/.well-known/oauth-authorization-server`);
  const metadata = answer?.ok ? await answer.json().catch(() => undefined) : undefined;
  if ((metadata as { issuer?: unknown } | undefined)?.issuer === publicUrl) return;
  throw new UserError(`What answers at ${publicUrl} is not this gateway`, {
    hint: "Look whether two tunnels or proxies use the same name.",
  });
}

interface Echo {
  host?: string;
  authorization?: string;
  body?: string;
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host, authorization } = request.headers;
  const body = await text(request).catch(() => "");
  const answer: Echo = { ...(host && { host }), ...(authorization && { authorization }) };
  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify({ ...answer, body: digest(body) }));
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const hint = "Pass another one: --port 0 takes a free one.";
      reject(new UserError(`Port ${port} cannot be taken (${error.code})`, { hint }));
    });
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

/** Ask until the answer is ours: the program may still be connecting, and the name may be new. */
async function arrived(url: string, tunnel: Tunnel, seconds: number): Promise<void> {
  const until = systemClock.now() + seconds;
  for (;;) {
    if (tunnel.lost.aborted) throw tunnel.lost.reason;
    const answer = await ask(url);
    if ((await echoed(answer)) !== undefined) return;
    if (systemClock.now() > until) {
      const what = answer ? `status ${answer.status}` : "no answer";
      throw new UserError(`${tunnel.publicUrl} does not lead here (${what})`, {
        hint: "Look at what the program of the tunnel says, and at the proxy of that name.",
      });
    }
    await pause(250); // ms
  }
}

async function sendAndCompare(url: string, { publicUrl }: Tunnel): Promise<TunnelFault[]> {
  const body = randomToken().repeat(1500); // 64 kB
  const authorization = `Bearer ${randomToken()}`;
  const answer = await ask(url, { method: "POST", body, headers: { authorization } });
  const seen = await echoed(answer);
  if (seen?.body !== digest(body))
    return [fatal("body", "what clients send does not arrive whole")];
  return [
    ...(seen.host === new URL(publicUrl).host
      ? []
      : [fatal("host", `the Host header arrives as ${seen.host}, so the gateway refuses it`)]),
    ...(seen.authorization === authorization
      ? []
      : [fatal("authorization", "the Authorization header is taken away, so no token arrives")]),
  ];
}

async function readEvents(url: string): Promise<TunnelFault[]> {
  const answer = await ask(`${url}/events`);
  const reader = answer?.body?.getReader();
  let seen = "";
  try {
    for (let event = 1; event <= EVENTS; event++) {
      while (!seen.includes(`data: ${event}\n\n`)) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done || value === undefined) throw new Error("the stream ended");
        seen += Buffer.from(value).toString("latin1");
      }
      if (event < EVENTS) await ask(`${url}/next`, { method: "POST" });
    }
    return [];
  } catch {
    const sentence =
      "events are kept back: clients that wait for them on GET (2025 revisions) hear nothing until the stream ends";
    return [{ check: "events", sentence, isFatal: false }];
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

/** Some tunnels show browsers a page of their own first. */
async function openAsBrowser(url: string): Promise<TunnelFault[]> {
  const headers = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)", accept: "text/html" };
  if ((await echoed(await ask(url, { headers }))) !== undefined) return [];
  const sentence = "browsers see a page of the tunnel before the login";
  return [{ check: "browser", sentence, isFatal: false }];
}

async function echoed(answer: Response | undefined): Promise<Echo | undefined> {
  if (!answer?.ok) return undefined;
  const said = (await answer.json().catch(() => undefined)) as Echo | undefined;
  return typeof said?.body === "string" ? said : undefined;
}

function fatal(check: TunnelFault["check"], sentence: string): TunnelFault {
  return { check, sentence, isFatal: true };
}

async function ask(url: string, init: RequestInit = {}): Promise<Response | undefined> {
  const signal = AbortSignal.timeout(STEP * 1000);
  return fetch(url, { redirect: "manual", signal, ...init }).catch(() => undefined);
}
