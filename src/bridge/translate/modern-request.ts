/**
 * A request of 2026-07-28 as a server of older revisions understands it, and what of it is only for the bridge.
 */
import { principalOf, type AuthInfo } from "../../auth-info.ts";
import { asObject, ERROR_CODES, metaOf, type JsonRpcRequest } from "../../mcp/json-rpc.ts";
import { Refusal } from "../refusal.ts";
import { canonicalJson } from "./modern-canonical.ts";
import { ASKING, LOG_LEVELS, RESERVED } from "../../mcp/revisions.ts";
import { withoutReserved } from "./legacy-meta.ts";

/** Kinds of questions a server can ask. */
const KINDS = ["elicitation", "sampling", "roots"] as const;
/** What a server may know of its client besides. `tasks` were another thing in each era. */
const RELAYED = new Set<string>([...KINDS, "experimental", "extensions"]);

export type Capabilities = { readonly [name: string]: unknown };

export class ModernRequest {
  readonly method: string;
  /** What `initialize` tells the server. */
  readonly capabilities: Capabilities;
  readonly clientInfo: unknown;
  readonly logLevel: string | undefined;
  readonly progressToken: unknown;
  /** Whether the server could ask its client something on behalf of this. */
  readonly mayBeAsked: boolean;
  /** Of a request that is sent again. */
  readonly requestState: unknown;
  readonly inputResponses: { readonly [key: string]: unknown };
  readonly #params: { [member: string]: unknown };
  readonly #meta: { [member: string]: unknown };

  /** @throws Refusal 400 for a level that does not exist, or answers that are none */
  constructor(request: JsonRpcRequest) {
    const meta = metaOf(request) ?? {};
    const level = meta[`${RESERVED}logLevel`];
    this.method = request.method;
    this.capabilities = relayed(asObject(meta[`${RESERVED}clientCapabilities`]) ?? {});
    this.clientInfo = meta[`${RESERVED}clientInfo`];
    this.progressToken = meta["progressToken"];
    this.logLevel = level as string | undefined;
    const isAsking = ASKING.has(request.method);
    this.mayBeAsked = isAsking && KINDS.some((kind) => this.capabilities[kind] !== undefined);
    this.#meta = { ...withoutReserved(meta) };
    const { requestState, inputResponses, ...params } = request.params ?? {};
    delete params["_meta"];
    this.#params = isAsking ? params : { ...request.params };
    delete this.#params["_meta"];
    this.requestState = isAsking ? requestState : undefined;
    const answers = isAsking ? inputResponses : undefined;
    if (level !== undefined && !LOG_LEVELS.includes(level)) {
      throw refuse(request, `The log level must be one of ${LOG_LEVELS.join(", ")}`);
    }
    if (answers !== undefined && !asObject(answers)) {
      throw refuse(request, "inputResponses must be an object");
    }
    this.inputResponses = asObject(answers) ?? {};
  }

  /** For the server. The id is not set; the values are those of the client. */
  toLegacy(): JsonRpcRequest {
    const { method } = this;
    const params = { ...this.#params };
    if (Object.keys(this.#meta).length > 0) params["_meta"] = { ...this.#meta };
    return Object.keys(params).length === 0
      ? { jsonrpc: "2.0", id: 0, method }
      : { jsonrpc: "2.0", id: 0, method, params };
  }

  /** What makes it this request of this principal: equal when it is sent again, however often. */
  identityFor(auth: AuthInfo): string {
    return JSON.stringify([principalOf(auth), canonicalJson([this.method, this.#params])]);
  }
}

/** Whether a log message of `level` is severe enough for who asked for `wanted`. */
export function isSevereEnough(level: unknown, wanted: string): boolean {
  return !LOG_LEVELS.includes(level) || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted);
}

function relayed(capabilities: Capabilities): Capabilities {
  const known = Object.entries(capabilities).filter(([name]) => RELAYED.has(name));
  // Changes of the roots are not told in this revision, so the server must not wait for them.
  return Object.fromEntries(known.map(([name, value]) => [name, name === "roots" ? {} : value]));
}

function refuse({ id }: JsonRpcRequest, message: string): Refusal {
  return new Refusal(400, ERROR_CODES.invalidParams, message, { id });
}
