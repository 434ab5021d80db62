/**
 * The modern side of a translated session: requests to a server that keeps nothing between them, so that each carries
 * what its client said once (MCP 2026-07-28, "statelessness").
 */
import {
  asObject,
  metaOf,
  type JsonRpcMessage,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import { MODERN_VERSION, RESERVED } from "../../mcp/revisions.ts";
import type { Channel } from "../service/service.ts";
import { withoutReserved } from "./legacy-meta.ts";

export class Upstream {
  /** `params` of the client's `initialize`. */
  #introduction: { readonly [member: string]: unknown } = {};
  #capabilities: { [member: string]: unknown } = {};
  /** As the client set it last; without one the server says nothing. */
  logLevel: string | undefined;
  readonly #channel: Channel;
  #next = 1;
  readonly #waiting = new Map<RequestId, (answer: JsonRpcResponse) => void>();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  introduce(introduction: { readonly [member: string]: unknown }): void {
    this.#introduction = introduction;
    // Tasks of 2025-11-25 are not those of the later extension; nobody here can translate them.
    const { tasks: _, ...capabilities } = asObject(introduction["capabilities"]) ?? {};
    this.#capabilities = capabilities;
  }

  /** What the client can do, as the server is told. */
  get capabilities(): { readonly [member: string]: unknown } {
    return this.#capabilities;
  }

  /** The revision the session was opened with. */
  get version(): string {
    return String(this.#introduction["protocolVersion"]);
  }

  /** @returns the id it travels under, and when it is handed over; rejects when the channel is closed */
  call(
    method: string,
    params: { [member: string]: unknown } | undefined,
    onAnswer: (answer: JsonRpcResponse) => void,
  ): { id: RequestId; sent: Promise<void> } {
    const id = this.#next++;
    this.#waiting.set(id, onAnswer);
    const _meta = this.#envelope(metaOf({ params }));
    const message = { jsonrpc: "2.0", id, method, params: { ...params, _meta } } as const;
    return { id, sent: this.#channel.send(message) };
  }

  settle(answer: JsonRpcResponse): void {
    const id = answer.id as RequestId;
    const onAnswer = this.#waiting.get(id);
    this.#waiting.delete(id);
    onAnswer?.(answer);
  }

  /** A late answer finds nobody. */
  forget(id: RequestId): void {
    this.#waiting.delete(id);
  }

  cancel(requestId: RequestId, reason: string): void {
    if (!this.#waiting.delete(requestId)) return;
    this.tell({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId, reason },
    });
  }

  /** Without waiting; a channel that has ended tells so by `onclose`. */
  tell(message: JsonRpcMessage): void {
    this.#channel.send(message).catch(() => undefined);
  }

  #envelope(meta: { [member: string]: unknown } | undefined): { [member: string]: unknown } {
    const { clientInfo } = this.#introduction;
    return {
      ...(meta && withoutReserved(meta)),
      [`${RESERVED}protocolVersion`]: MODERN_VERSION,
      ...(asObject(clientInfo) && { [`${RESERVED}clientInfo`]: clientInfo }),
      [`${RESERVED}clientCapabilities`]: this.#capabilities,
      ...(this.logLevel !== undefined && { [`${RESERVED}logLevel`]: this.logLevel }),
    };
  }
}
