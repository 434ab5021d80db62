/**
 * HTTP as a client of other people's servers speaks it: through the environment's proxies, without the five minutes after
 * which Node gives up a stream, and never to an address that a server only wants us to visit.
 */
import { rootCertificates } from "node:tls";
import type { Dispatcher } from "undici";
import { isLoopbackHost } from "../config/values.ts";
import { UserError } from "../errors.ts";

const TIME = 20_000; // ms for one question to an authorization server
const CONNECT_TIME = 10_000; // ms

export interface Web {
  /** Without bounds in time; redirects are handed to the caller. @throws TypeError of fetch */
  send(url: URL | string, init?: RequestInit): Promise<Response>;
  /** For documents and forms: bounded in time, redirects handed to the caller. */
  ask(url: URL | string, init?: RequestInit): Promise<Response>;
  /**
   * @param what names the URL for the error
   * @throws UserError unless it is https, or plain http that may be used
   */
  check(url: URL | string, what: string): URL;
  /** For whom fetch is not enough: the connections to the endpoint. */
  readonly dispatcher: Dispatcher;
  /** The same for any address. */
  dispatcherFor(url: URL): Dispatcher;
  close(): Promise<void>;
}

/**
 * @param options.endpoint plain http is allowed to loopback only when the endpoint itself is there: what a remote server
 *   writes in its metadata must not lead to a program on this machine
 * @param options.allowHttp any plain http
 */
export async function createWeb(options: {
  endpoint: URL;
  allowHttp: boolean;
  environment?: NodeJS.ProcessEnv;
  /** PEM, trusted besides the well-known ones. */
  certificates?: readonly string[];
}): Promise<Web> {
  const { Agent, EnvHttpProxyAgent, fetch: send } = await import("undici");
  const environment = options.environment ?? process.env;
  const { certificates } = options;
  const connect = {
    timeout: CONNECT_TIME,
    ...(certificates && { ca: [...rootCertificates, ...certificates] }),
  };
  const settings = { headersTimeout: 0, bodyTimeout: 0, connect };
  const hasProxy = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].some(
    (name) => (environment[name] ?? "") !== "",
  );
  const direct = new Agent(settings);
  const proxied = hasProxy ? new EnvHttpProxyAgent(settings) : direct;

  const dispatcherFor = (url: URL): Dispatcher => (isLoopbackHost(url.hostname) ? direct : proxied);

  const check = (text: URL | string, what: string): URL => {
    const url = URL.canParse(String(text)) ? new URL(text) : undefined;
    const isLocal = (of: URL): boolean => isLoopbackHost(of.hostname);
    const mayBePlain =
      options.allowHttp || (url !== undefined && isLocal(url) && isLocal(options.endpoint));
    if (url?.protocol === "https:" || (url?.protocol === "http:" && mayBePlain)) {
      if (url.username === "" && url.password === "") return url;
    }
    throw new UserError(`${what} ${String(text)} is not an https address`, {
      hint: "Use https; --allow-http permits plain http on networks you trust.",
    });
  };

  const plain = (async (input: URL | string, init?: RequestInit) => {
    const url = check(input, "The address");
    return send(url, {
      redirect: "manual",
      ...(init as object),
      dispatcher: dispatcherFor(url),
    });
  }) as unknown as typeof fetch;

  return {
    check,
    dispatcher: dispatcherFor(options.endpoint),
    dispatcherFor,
    send: plain,
    async close() {
      await Promise.all([direct.destroy(), proxied.destroy()]);
    },
    ask: (url, init = {}) => {
      const limit = AbortSignal.timeout(TIME);
      const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
      return plain(url, { ...init, signal });
    },
  };
}
