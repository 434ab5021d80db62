/**
 * Where the browser comes back to (RFC 8252 §7.3): a listener on 127.0.0.1 that is there before the browser opens, takes one
 * answer that carries our `state`, and shows a page that says how it went.
 *
 * Any page in any browser may send a request here, so whatever has another state, path or Host is refused and changes nothing.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const OURS = { hostname: "127.0.0.1", path: "/callback" };
const LAST_PAGE = 1000; // ms to show it

export interface Loopback {
  readonly redirectUri: string;
  /** The query of the redirect that carries this state. @param signal gives up */
  answer(state: string, signal: AbortSignal): Promise<URLSearchParams>;
  close(): void;
}

/**
 * @param port 0 takes a free one
 * @param as another client's redirect URI: `localhost` is what it is called there, and 127.0.0.1 where we listen
 * @returns undefined when the port is taken
 */
export async function listenOnLoopback(
  port: number,
  as: { hostname: string; path: string } = OURS,
): Promise<Loopback | undefined> {
  const server = createServer({ maxHeaderSize: 32_768 });
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
    throw error;
  }
  const host = `${as.hostname}:${(server.address() as AddressInfo).port}`;
  let waiting: { state: string; fulfil: (answer: URLSearchParams) => void } | undefined;
  server.on("request", (request, response) => {
    const answer = waiting && answerIn(request, host, as.path, waiting.state);
    if (!answer) return show(response, 404, "Nothing here", "This address is waiting for a login.");
    waiting?.fulfil(answer);
    waiting = undefined;
    if (answer.has("error")) {
      return show(
        response,
        200,
        "Not connected",
        "The login was refused. You can close this page.",
      );
    }
    show(response, 200, "Connected", "You can close this page and go back to your program.");
  });
  return {
    redirectUri: `http://${host}${as.path}`,
    answer: (state, signal) =>
      new Promise((fulfil, reject) => {
        waiting = { state, fulfil };
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }),
    close() {
      server.close();
      // The page that was just shown is still on its way; connections a browser holds in reserve must not keep us.
      setTimeout(() => server.closeAllConnections(), LAST_PAGE).unref();
      server.unref();
    },
  };
}

function answerIn(
  request: IncomingMessage,
  host: string,
  path: string,
  state: string,
): URLSearchParams | undefined {
  if (request.method !== "GET" || request.headers.host !== host) return undefined;
  const url = new URL(request.url ?? "/", `http://${host}`);
  const isOurs = url.pathname === path && url.searchParams.get("state") === state;
  return isOurs ? url.searchParams : undefined;
}

function show(response: ServerResponse, status: number, title: string, text: string): void {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    connection: "close",
  });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>` +
      `<style>body{font:1.1rem system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark}</style>` +
      `<main><h1>${title}</h1><p>${text}</p></main></html>\n`,
  );
}
