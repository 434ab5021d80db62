/**
 * What a legacy session hears unasked: a modern server tells it on one `subscriptions/listen` call, whose filter cannot
 * be changed. So a change opens a new one, and the old one is closed when the new one is acknowledged: nothing is missed,
 * and nothing is told twice, because only the newest that was acknowledged counts.
 */
import type { Clock } from "../../clock.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  metaOf,
  type JsonRpcErrorResponse,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import { legacyError } from "./legacy-failure.ts";
import { withoutReserved } from "./legacy-meta.ts";
import type { Upstream } from "./legacy-upstream.ts";
import { SUBSCRIPTION_ID } from "../../mcp/revisions.ts";

const ACKNOWLEDGED_WITHIN = 10; // seconds
/** Seconds until a server that ended a subscription is asked again. */
const REOPEN_AFTER = 5;
const MAX_URIS = 1000; // of one session; each change sends all of them

type Filter = { [member: string]: unknown };

export class Subscriptions {
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  readonly #tell: (message: JsonRpcNotification) => void;
  /** Lists whose changes the server advertised. */
  #lists: Filter = {};
  #mayWatch = false;
  #isReady = false;
  readonly #uris = new Set<string>();
  #current: RequestId | undefined;
  #opening: Opening | undefined;
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #cancelReopen: () => void = () => undefined;

  /** @param tell the client, on no request's stream */
  constructor(upstream: Upstream, clock: Clock, tell: (message: JsonRpcNotification) => void) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** @param capabilities the server's */
  advertise(capabilities: unknown): void {
    const { tools, prompts, resources } = asObject(capabilities) ?? {};
    const changes = (of: unknown): boolean => asObject(of)?.["listChanged"] === true;
    this.#lists = {
      ...(changes(tools) && { toolsListChanged: true }),
      ...(changes(prompts) && { promptsListChanged: true }),
      ...(changes(resources) && { resourcesListChanged: true }),
    };
    this.#mayWatch = asObject(resources)?.["subscribe"] === true;
  }

  /** The client is ready to hear of changes. */
  begin(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    void this.#change(() => this.#replace()).catch(() => undefined);
  }

  /** @param request `resources/subscribe` or `resources/unsubscribe` */
  async answer(request: JsonRpcRequest): Promise<JsonRpcResponse> {
    const { id, method, params } = request;
    const uri = params?.["uri"];
    if (!this.#mayWatch) {
      return errorResponse(id, ERROR_CODES.methodNotFound, "The server has no subscriptions");
    }
    if (typeof uri !== "string") {
      return errorResponse(id, ERROR_CODES.invalidParams, "params.uri must be a string");
    }
    try {
      await this.#change(() =>
        method === "resources/subscribe" ? this.#watch(uri) : this.#unwatch(uri),
      );
      return { jsonrpc: "2.0", id, result: {} };
    } catch (error) {
      if (error instanceof Refused) return legacyError(request, error.answer);
      throw error;
    }
  }

  /** @returns whether it was about a subscription */
  receive(notification: JsonRpcNotification): boolean {
    const { method, params } = notification;
    if (method === "notifications/cancelled") {
      this.#end(params?.["requestId"] as RequestId);
      return true;
    }
    const meta = metaOf(notification);
    const subscription = meta?.[SUBSCRIPTION_ID];
    if (method === "notifications/subscriptions/acknowledged") {
      if (this.#opening?.id === subscription)
        this.#acknowledged(asObject(params?.["notifications"]));
      return true;
    }
    if (subscription === undefined) return false;
    if (subscription === this.#current) this.#tell(untagged(notification, withoutReserved(meta!)));
    return true;
  }

  close(): void {
    this.#cancelReopen();
    this.#opening?.cancelWait();
  }

  #change(task: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #watch(uri: string): Promise<void> {
    if (this.#uris.has(uri)) return;
    if (this.#uris.size >= MAX_URIS) throw refused("This session watches too many resources");
    this.#uris.add(uri);
    try {
      await this.#replace(uri);
    } catch (error) {
      this.#uris.delete(uri);
      throw error;
    }
  }

  async #unwatch(uri: string): Promise<void> {
    if (!this.#uris.delete(uri)) return;
    try {
      await this.#replace();
    } catch (error) {
      this.#uris.add(uri);
      throw error;
    }
  }

  /** @param uri that must be among what the server agrees to */
  async #replace(uri?: string): Promise<void> {
    this.#cancelReopen();
    const uris = [...this.#uris];
    const filter = {
      ...(this.#isReady && this.#lists),
      ...(uris.length > 0 && { resourceSubscriptions: uris }),
    };
    if (Object.keys(filter).length === 0) return this.#become(undefined);
    const honoured = (await this.#listen(filter))?.["resourceSubscriptions"];
    if (uri === undefined || (Array.isArray(honoured) && honoured.includes(uri))) return;
    throw refused("The server does not watch this resource");
  }

  #listen(notifications: Filter): Promise<Filter | undefined> {
    return new Promise((resolve, reject) => {
      const { id, sent } = this.#upstream.call(
        "subscriptions/listen",
        { notifications },
        (answer) => this.#end(id, "error" in answer ? answer : undefined),
      );
      const cancelWait = this.#clock.after(ACKNOWLEDGED_WITHIN, () => {
        this.#upstream.cancel(id, "not acknowledged in time");
        this.#end(id);
      });
      this.#opening = { id, resolve, reject, cancelWait };
      sent.catch(() => this.#end(id));
    });
  }

  #acknowledged(honoured: Filter | undefined): void {
    const { id, resolve, cancelWait } = this.#opening!;
    cancelWait();
    this.#opening = undefined;
    this.#become(id);
    resolve(honoured);
  }

  #become(id: RequestId | undefined): void {
    const old = this.#current;
    this.#current = id;
    if (old !== undefined) this.#upstream.cancel(old, "replaced");
  }

  /** The server has ended it, or never began. */
  #end(id: RequestId, refusal?: JsonRpcErrorResponse): void {
    if (id !== this.#opening?.id && id !== this.#current) return;
    this.#upstream.forget(id);
    if (this.#opening?.id === id) {
      const { reject, cancelWait } = this.#opening;
      cancelWait();
      this.#opening = undefined;
      reject(refusal ? new Refused(refusal) : refused("The server did not begin the subscription"));
    } else {
      this.#current = undefined;
      this.#cancelReopen = this.#clock.after(REOPEN_AFTER, () => {
        void this.#change(() => this.#replace()).catch(() => undefined);
      });
    }
  }
}

interface Opening {
  readonly id: RequestId;
  readonly resolve: (honoured: Filter | undefined) => void;
  readonly reject: (error: Refused) => void;
  readonly cancelWait: () => void;
}

class Refused extends Error {
  readonly answer: JsonRpcErrorResponse;

  constructor(answer: JsonRpcErrorResponse) {
    super(answer.error.message);
    this.answer = answer;
  }
}

function refused(message: string): Refused {
  return new Refused(errorResponse(undefined, ERROR_CODES.internal, message));
}

function untagged(
  notification: JsonRpcNotification,
  meta: { [member: string]: unknown },
): JsonRpcNotification {
  const { _meta: _, ...params } = notification.params!;
  const kept = Object.keys(meta).length > 0 ? { ...params, _meta: meta } : params;
  const { params: __, ...rest } = notification;
  return Object.keys(kept).length > 0 ? { ...rest, params: kept } : rest;
}
