/**
 * `Mcp-Param-*` headers of a tool call against its arguments (MCP 2026-07-28, "Streamable HTTP"). Which arguments have headers
 * is in the tools' schemas: they are learnt from a `tools/list` of a client that passes by, or asked for.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import { digitsOf } from "../mcp/exact-json.ts";
import { mirroredHeader } from "../mcp/mirrored-header.ts";
import { headerDeclarations, type HeaderDeclaration } from "../mcp/header-declarations.ts";
import {
  asObject,
  ERROR_CODES,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../mcp/json-rpc.ts";
import { Refusal } from "./refusal.ts";
import { OWN_META } from "../mcp/first-words.ts";

/** Seconds that a list is believed; servers may change it and tell only who subscribed. */
const FRESH = 60;
/** Seconds before a list that speaks against a call is asked for again. */
const JUST_ASKED = 1;
const TIMEOUT = 60; // seconds for all pages; a launcher may have to download the server first
const MAX_PAGES = 100;

type Headers = Pick<IncomingMessage, "headers" | "rawHeaders">;

/** Only tools that have any. */
type Declarations = ReadonlyMap<string, readonly HeaderDeclaration[]>;

export class ParamHeaders {
  readonly #ask: (request: Omit<JsonRpcRequest, "id">) => Promise<JsonRpcResponse>;
  readonly #clock: Clock;
  #known: { declarations: Declarations; at: number } | undefined;
  #asking: Promise<void> | undefined;
  #gaveUpAt = Number.NEGATIVE_INFINITY;

  /** @param ask a request of ours to the server; rejects when the server has ended */
  constructor(
    ask: (request: Omit<JsonRpcRequest, "id">) => Promise<JsonRpcResponse>,
    clock: Clock,
  ) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** The answer to a `tools/list` without a cursor. One page of several is not worth remembering. */
  learn(result: unknown): void {
    const list = asObject(result);
    if (!list || !Array.isArray(list["tools"]) || list["nextCursor"] !== undefined) return;
    this.#remember(declarationsOf(list["tools"]));
  }

  /** The list has changed. */
  forget(): void {
    this.#known = undefined;
  }

  /** @throws Refusal 400 with -32020 when they disagree, 503 when it cannot be told */
  async check(headers: Headers, request: JsonRpcRequest): Promise<void> {
    if (request.method !== "tools/call") return;
    const given = asObject(request.params?.["arguments"]) ?? {};
    const areThere = Object.keys(headers.headers).some((name) => name.startsWith("mcp-param-"));
    if (!areThere && Object.keys(given).length === 0) return;
    const tool = String(request.params?.["name"]);
    if (this.#age > FRESH) await this.#refresh();
    if (this.#disagreement(headers, tool, given) !== undefined) {
      // The tool may have changed since.
      if (this.#age > JUST_ASKED) await this.#refresh();
      const header = this.#disagreement(headers, tool, given);
      if (header !== undefined) throw mismatch(headers, header, request);
    }
    if (this.#known || !areThere) return;
    const reason = "The server does not say which headers its tools have";
    throw new Refusal(503, ERROR_CODES.internal, reason, {
      id: request.id,
      headers: { "retry-after": "5" },
    });
  }

  /** Seconds since the list was known to be true. */
  get #age(): number {
    return this.#known ? this.#clock.now() - this.#known.at : Number.POSITIVE_INFINITY;
  }

  #disagreement(
    headers: Headers,
    tool: string,
    given: { [member: string]: unknown },
  ): string | undefined {
    return this.#known?.declarations
      .get(tool)
      ?.find((declaration) => !agrees(headers, declaration, given))?.header;
  }

  #remember(declarations: Declarations): void {
    this.#known = { declarations, at: this.#clock.now() };
  }

  async #refresh(): Promise<void> {
    // A server that did not answer would hold up every call.
    if (this.#clock.now() - this.#gaveUpAt < FRESH) return;
    this.#asking ??= this.#askForAll().finally(() => (this.#asking = undefined));
    await this.#asking;
  }

  /** What is known stays when the server does not answer. */
  async #askForAll(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(TIMEOUT, () => {
        this.#gaveUpAt = this.#clock.now();
        resolve();
      });
      this.#allPages()
        .then((tools) => this.#remember(declarationsOf(tools)))
        .catch(() => undefined)
        .finally(() => {
          cancel();
          resolve();
        });
    });
  }

  async #allPages(): Promise<unknown[]> {
    const tools: unknown[] = [];
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = { ...(cursor !== undefined && { cursor }), _meta: OWN_META };
      const answer = await this.#ask({ jsonrpc: "2.0", method: "tools/list", params });
      // A server that has no list has no tools with headers either.
      const result = "result" in answer ? asObject(answer.result) : undefined;
      if (Array.isArray(result?.["tools"])) tools.push(...(result["tools"] as unknown[]));
      cursor = result?.["nextCursor"];
      if (typeof cursor !== "string") break;
    }
    return tools;
  }
}

function declarationsOf(tools: readonly unknown[]): Declarations {
  const declarations = new Map<string, readonly HeaderDeclaration[]>();
  for (const tool of tools) {
    const name = asObject(tool)?.["name"];
    const found = headerDeclarations(tool);
    if (typeof name === "string" && found.length > 0) declarations.set(name, found);
  }
  return declarations;
}

/** Whether header and argument say the same, or neither is there. */
function agrees(
  headers: Headers,
  { header, path, type }: HeaderDeclaration,
  given: { [member: string]: unknown },
): boolean {
  const text = mirroredHeader(headers, header);
  const value = valueAt(given, path);
  if (value === undefined || value === null) return text === undefined;
  // What cannot be written in a header is not expected there; that it is no such value is for the server to say.
  if (typeof value === "object") return text === undefined;
  const digits = digitsOf(value);
  // Clients leave out numbers that JavaScript cannot hold.
  if (digits !== undefined) return text === undefined || text === digits;
  if (typeof text !== "string") return false;
  const isNumeric = type === "integer" && typeof value === "number";
  if (isNumeric && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text) === value;
  return text === (typeof value === "string" ? value : JSON.stringify(value));
}

function valueAt(given: { [member: string]: unknown }, path: readonly string[]): unknown {
  let value: unknown = given;
  for (const member of path) {
    const object = asObject(value);
    if (!object || !Object.hasOwn(object, member)) return undefined;
    value = object[member];
  }
  return value;
}

function mismatch(headers: Headers, header: string, request: JsonRpcRequest): Refusal {
  const what = header in headers.headers ? "does not agree with the body" : "is missing";
  const spelling = header.replace("mcp-param-", "Mcp-Param-");
  return new Refusal(400, ERROR_CODES.headerMismatch, `${spelling} ${what}`, { id: request.id });
}
