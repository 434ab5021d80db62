/**
 * HTTP to one server elsewhere: connections of its own that are kept, TLS that is verified, no proxy of the environment, no
 * cookies. Nothing is sent that was not configured or made here; a redirect is followed on the same origin only, since
 * the headers carry credentials.
 */
import type { IncomingHttpHeaders } from "node:http";
import { Pool, type Dispatcher } from "undici";
import { failureOf, RemoteFailure } from "./remote-failure.ts";

const CONNECT_TIMEOUT = 10; // seconds
/** Seconds of silence after which the machine asks whether the other one is still there. */
const PROBE_AFTER = 15;
const MOST_REDIRECTS = 3;
const LOOP = `redirects more than ${MOST_REDIRECTS} times`;
/** Bytes of a redirect's body that are read so that its connection can be used again. */
const REDIRECT_BODY = 65_536;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Names and values by turns, besides the configured ones. */
  readonly headers: readonly string[];
  readonly body?: string;
  /** On the same origin; the service's own when not given. */
  readonly url?: URL;
  /** Seconds without a byte after which it is given up; 0 waits for ever. */
  readonly silence: number;
}

export interface HttpHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
}

/** Told in this order; nothing follows `onEnd`, `onFailure` or an abort. */
export interface HttpReceiver {
  onHead(head: HttpHead, abort: () => void): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: RemoteFailure): void;
}

/** What sends requests to one server; a sender may stand before another to see to credentials. */
export interface HttpSender {
  readonly url: URL;
  /** @returns aborts it */
  send(request: HttpRequest, receiver: HttpReceiver): () => void;
}

export class RemoteHttp implements HttpSender {
  readonly url: URL;
  readonly #headers: readonly string[];
  readonly #dispatcher: Dispatcher;

  /**
   * @param headers of every request, names and values by turns
   * @param dispatcher instead of connections of its own
   */
  constructor(url: URL, headers: readonly string[], dispatcher?: Dispatcher) {
    this.url = url;
    this.#headers = [...headers, "accept-encoding", "identity"];
    this.#dispatcher = dispatcher ?? connections(url);
  }

  /** @returns aborts it */
  send(request: HttpRequest, receiver: HttpReceiver): () => void {
    let isOver = false;
    let current: Dispatcher.DispatchController | undefined;
    const abort = (): void => {
      isOver = true;
      current?.abort(new Error("not needed any more"));
    };
    const fail = (failure: RemoteFailure): void => {
      if (isOver) return;
      isOver = true;
      receiver.onFailure(failure);
    };

    const attempt = (url: URL, redirects: number): void => {
      let ignored: number | undefined;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(controller) {
          current = controller;
          if (isOver) abort();
        },
        onResponseStart(controller, status, headers) {
          if (isOver || status < 200) return;
          const found = status >= 300 && status < 400 ? target(url, status, headers) : undefined;
          const isLoop = found instanceof URL && redirects === MOST_REDIRECTS;
          const next = isLoop ? new RemoteFailure(LOOP) : found;
          if (next instanceof RemoteFailure) {
            fail(next);
            controller.abort(new Error("redirect"));
          } else if (next) {
            ignored = 0;
            attempt(next, redirects + 1);
          } else if ((headers["content-encoding"] ?? "identity") !== "identity") {
            fail(new RemoteFailure("compresses its answers although it was asked not to"));
            controller.abort(new Error("content-encoding"));
          } else receiver.onHead({ status, headers }, abort);
        },
        onResponseData(controller, chunk) {
          if (ignored === undefined) {
            if (!isOver) receiver.onData(chunk);
          } else if ((ignored += chunk.length) > REDIRECT_BODY) controller.abort(new Error("long"));
        },
        onResponseEnd() {
          if (isOver || ignored !== undefined) return;
          isOver = true;
          receiver.onEnd();
        },
        onResponseError(_controller, error) {
          if (ignored === undefined) fail(failureOf(error));
        },
      };
      const { method, headers, body, silence } = request;
      const all = [...this.#headers, ...headers];
      this.#dispatcher.dispatch(
        {
          origin: url.origin,
          method,
          path: url.pathname + url.search,
          headers: all,
          body: body ?? null,
          headersTimeout: silence * 1000,
          bodyTimeout: silence * 1000,
        },
        handler,
      );
    };

    attempt(request.url ?? this.url, 0);
    return abort;
  }

  /** Whatever still runs is aborted. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

function connections(url: URL): Pool {
  return new Pool(url.origin, {
    pipelining: 1,
    allowH2: false,
    connect: {
      timeout: CONNECT_TIMEOUT * 1000,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER * 1000,
    },
  });
}

/** Only statuses that keep method and body are followed; a POST that became a GET would be another request. */
function target(
  from: URL,
  status: number,
  headers: IncomingHttpHeaders,
): URL | RemoteFailure | undefined {
  const { location } = headers;
  const isRedirect = [301, 302, 303, 307, 308].includes(status);
  if (!isRedirect || location === undefined) return undefined;
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to?.origin !== from.origin) {
    const reason = `redirects to another origin (${status}), which is not followed; put the right url into the configuration`;
    return new RemoteFailure(reason, { status: 502 }, location.slice(0, 200));
  }
  if (status === 307 || status === 308) return to;
  const reason = `redirects with status ${status}, which would lose the request; put the right url into the configuration`;
  return new RemoteFailure(reason, { status: 502 }, location.slice(0, 200));
}
