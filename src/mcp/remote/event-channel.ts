/**
 * The transport of 2024-11-05: one GET stream that first names the endpoint messages are posted to, and then carries all
 * that the server says. When the stream is over, so is the session.
 */
import { stringifyJson } from "../exact-json.ts";
import { ERROR_CODES, isRequest, type JsonRpcMessage, type RequestId } from "../json-rpc.ts";
import { outageResponse } from "../outage.ts";
import type { Channel } from "../channel.ts";
import { ask } from "./answer.ts";
import type { Remote } from "./remote.ts";
import { RemoteFailure } from "./remote-failure.ts";

const ENDPOINT_TIMEOUT = 10; // seconds
const POST_TIMEOUT = 60; // seconds until a message is accepted

export class EventChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;

  readonly #remote: Remote;
  #endpoint: URL | undefined;
  #isClosed = false;
  #stop: () => void = () => undefined;

  constructor(remote: Remote) {
    this.#remote = remote;
  }

  /** Resolves when the endpoint is known. @throws RemoteFailure */
  async start(): Promise<void> {
    const { clock } = this.#remote;
    try {
      await new Promise<void>((resolve, reject) => {
        const silent = new RemoteFailure("did not name its endpoint in time", { status: 504 });
        const cancel = clock.after(ENDPOINT_TIMEOUT, () => {
          this.#remote.failed(silent);
          reject(silent);
        });
        const request = {
          method: "GET" as const,
          headers: ["accept", "text/event-stream"],
          silence: 0,
        };
        const fail = (failure: RemoteFailure): void => {
          cancel();
          reject(failure);
          this.#finish(failure.message);
        };
        this.#stop = ask(this.#remote, request, {
          onOtherEvent: (type, data) => {
            if (type !== "endpoint" || this.#endpoint) return;
            cancel();
            const endpoint = this.#endpointOf(data);
            if (!endpoint) {
              const failure = new RemoteFailure("names an endpoint at another origin");
              this.#remote.failed(failure);
              return fail(failure);
            }
            this.#endpoint = endpoint;
            resolve();
          },
          onMessage: (message) => {
            if (!this.#isClosed && this.#endpoint) this.onmessage?.(message);
          },
          onEnd: () => fail(new RemoteFailure("ended its stream")),
          onRefused: (status) => fail(new RemoteFailure(`answered with status ${status}`)),
          onFailure: fail,
        });
      });
    } catch (error) {
      this.#finish("did not open a stream");
      throw error;
    }
  }

  async send(message: JsonRpcMessage): Promise<void> {
    const endpoint = this.#endpoint;
    if (this.#isClosed || !endpoint) {
      throw new Error(`the session with service ${this.#remote.name} has ended`);
    }
    const accepted = this.#post(message, endpoint);
    // Its answer comes on the stream, and may come before the server is done with the POST.
    if (!isRequest(message)) return await accepted;
    const { id } = message;
    accepted.catch((error: unknown) => {
      const failure = error instanceof RemoteFailure ? error : new RemoteFailure("failed");
      const reason = this.#remote.explain(failure);
      this.onmessage?.(outageResponse(id, ERROR_CODES.server, reason, failure.outage));
    });
  }

  async close(): Promise<void> {
    this.#finish("was left");
  }

  #post(message: JsonRpcMessage, url: URL): Promise<void> {
    const request = {
      method: "POST" as const,
      headers: ["content-type", "application/json"],
      body: stringifyJson(message),
      url,
      silence: POST_TIMEOUT,
    };
    return new Promise((resolve, reject) => {
      const refuse = (status: number): void => {
        reject(new RemoteFailure(`answered with status ${status}`));
        if (status === 404) this.#finish("does not know the session any more");
      };
      ask(this.#remote, request, {
        // Whatever a server writes into its 202, it is not JSON-RPC of ours.
        isBodyIgnored: true,
        onMessage: () => undefined,
        onEnd: resolve,
        onRefused: refuse,
        onFailure: reject,
      });
    });
  }

  /** Credentials go with every POST: an endpoint elsewhere would have them stolen. */
  #endpointOf(data: string): URL | undefined {
    const { url } = this.#remote.http;
    const endpoint = URL.canParse(data, url.href) ? new URL(data, url) : undefined;
    return endpoint?.origin === url.origin ? endpoint : undefined;
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    this.onclose?.(`service ${this.#remote.name} ${reason}`);
  }
}
