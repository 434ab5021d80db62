/**
 * Streams of modern clients that want to hear of changes (`subscriptions/listen`), fed by servers of older revisions,
 * which tell everybody about lists and whoever subscribed about single resources. Two clients that watch the same
 * resource are one subscription at the server.
 */
import { principalOf, type AuthInfo } from "../../auth-info.ts";
import type { Exchange } from "../exchange.ts";
import type { ListKind } from "../session-options.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  type JsonRpcNotification,
  type JsonRpcRequest,
} from "../../mcp/json-rpc.ts";
import type { LegacyChild } from "./modern-child.ts";
import type { Lease } from "./modern-pool.ts";
import { SUBSCRIPTION_ID } from "../../mcp/revisions.ts";

const MAX_RESOURCES = 256; // of one stream
const LISTS = ["tools", "prompts", "resources"] as const;

interface Stream {
  readonly exchange: Exchange;
  readonly child: LegacyChild;
  readonly lists: ReadonlySet<string>;
  readonly resources: readonly string[];
  readonly unpin: () => void;
  /** What came before it was acknowledged. */
  early: JsonRpcNotification[] | undefined;
}

interface Watch {
  /** Streams that want it. */
  count: number;
  readonly isGranted: Promise<boolean>;
}

export class Subscriptions {
  readonly #streams = new Map<Exchange, Stream>();
  readonly #watches = new WeakMap<LegacyChild, Map<string, Watch>>();

  get size(): number {
    return this.#streams.size;
  }

  /** How many are those of one principal. */
  of(principal: string): number {
    return [...this.#streams.keys()].filter(({ auth }) => principalOf(auth) === principal).length;
  }

  /** Acknowledge what the child can do of what is wanted; from then on tell it. @param lease is given back */
  async listen(request: JsonRpcRequest, exchange: Exchange, lease: Lease): Promise<void> {
    const { child } = lease;
    const wanted = asObject(request.params?.["notifications"]);
    if (!wanted) {
      lease.release(true);
      const message = "notifications must say what to listen for";
      return exchange.finish(errorResponse(exchange.id, ERROR_CODES.invalidParams, message));
    }
    const { capabilities } = child.hello;
    const lists = LISTS.filter(
      (list) =>
        wanted[`${list}ListChanged`] === true &&
        asObject(capabilities[list])?.["listChanged"] === true,
    );
    const mayWatch = asObject(capabilities["resources"])?.["subscribe"] === true;
    const asked = mayWatch ? uris(wanted["resourceSubscriptions"]) : [];
    const stream: Stream = {
      exchange,
      child,
      lists: new Set(lists),
      resources: asked,
      unpin: lease.pin(),
      early: [],
    };
    lease.release(true);
    this.#streams.set(exchange, stream);
    const isGranted = await Promise.all(asked.map((uri) => this.#watch(child, uri)));
    if (!this.#streams.has(exchange)) return;
    const notifications = {
      ...Object.fromEntries(lists.map((list) => [`${list}ListChanged`, true])),
      ...(asked.length > 0
        ? { resourceSubscriptions: asked.filter((_, index) => isGranted[index]) }
        : {}),
    };
    const method = "notifications/subscriptions/acknowledged";
    const early = stream.early ?? [];
    stream.early = undefined;
    tell(stream, { jsonrpc: "2.0", method, params: { notifications } });
    for (const notification of early) tell(stream, notification);
  }

  /** Of lists any child may speak, for they are about the service; of a resource the one that was asked to. */
  change(notification: JsonRpcNotification, child: LegacyChild): void {
    const { method, params } = notification;
    const list = /^notifications\/(\w+)\/list_changed$/.exec(method)?.[1];
    for (const stream of this.#streams.values()) {
      const isWanted =
        list === undefined
          ? stream.child === child && stream.resources.some((uri) => covers(uri, params?.["uri"]))
          : stream.lists.has(list);
      if (!isWanted) continue;
      if (stream.early) stream.early.push(notification);
      else tell(stream, notification);
    }
  }

  /** @see Exchange.announce */
  announce(kind: ListKind): void {
    for (const exchange of this.#streams.keys()) exchange.announce(kind);
  }

  /** Its client went away. */
  drop(exchange: Exchange): void {
    const stream = this.#streams.get(exchange);
    if (!stream) return;
    this.#streams.delete(exchange);
    for (const uri of stream.resources) this.#unwatch(stream.child, uri);
    stream.unpin();
  }

  /** End streams in peace. @returns how many */
  end(isMeant: (auth: AuthInfo, child: LegacyChild) => boolean): number {
    let count = 0;
    for (const { exchange, child } of this.#streams.values()) {
      if (!isMeant(exchange.auth, child)) continue;
      count += 1;
      this.drop(exchange);
      const { id } = exchange;
      const result = { resultType: "complete", _meta: { [SUBSCRIPTION_ID]: id } };
      exchange.finish({ jsonrpc: "2.0", id, result });
    }
    return count;
  }

  #watch(child: LegacyChild, uri: string): Promise<boolean> {
    let watches = this.#watches.get(child);
    if (!watches) this.#watches.set(child, (watches = new Map()));
    let watch = watches.get(uri);
    if (!watch) {
      const isGranted = child.ask("resources/subscribe", { uri }).then(
        (answer) => "result" in answer,
        () => false,
      );
      watches.set(uri, (watch = { count: 0, isGranted }));
    }
    watch.count += 1;
    return watch.isGranted;
  }

  #unwatch(child: LegacyChild, uri: string): void {
    const watches = this.#watches.get(child);
    const watch = watches?.get(uri);
    if (!watch) return;
    watch.count -= 1;
    if (watch.count > 0) return;
    watches!.delete(uri);
    if (!child.isLeaving) child.ask("resources/unsubscribe", { uri }).catch(() => undefined);
  }
}

function tell({ exchange }: Stream, notification: JsonRpcNotification): void {
  const { params } = notification;
  const _meta = { ...asObject(params?.["_meta"]), [SUBSCRIPTION_ID]: exchange.id };
  exchange.tell({ ...notification, params: { ...params, _meta } });
}

function uris(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  const texts = (value as unknown[]).filter((uri) => typeof uri === "string");
  return [...new Set(texts)].slice(0, MAX_RESOURCES);
}

/** A server may tell of a part of what was subscribed to. */
function covers(uri: string, changed: unknown): boolean {
  if (typeof changed !== "string") return false;
  return changed === uri || changed.startsWith(uri.endsWith("/") ? uri : `${uri}/`);
}
