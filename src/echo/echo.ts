/**
 * A small MCP server that shows what reaches it: for whoever sets up a gateway, a proxy or a client and wants to see the other
 * end. Speaks revisions with `initialize` and 2026-07-28, over stdio and Streamable HTTP.
 *
 * Written by hand on plain JSON-RPC, since it is a measuring instrument: an SDK's schemas would hide what they do not know.
 */
import type { Clock } from "../clock.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  metaOf,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../mcp/json-rpc.ts";
import { ToolFailure, TOOLS, type Arrival, type EchoSession } from "./tools.ts";
import { LEGACY_VERSIONS, MODERN_VERSION, RESERVED } from "../mcp/revisions.ts";

export type { EchoSession } from "./tools.ts";

const FRESH = { ttlMs: 60_000, cacheScope: "public" };

export interface EchoOptions {
  readonly version: string;
  readonly clock: Clock;
  /** Nothing is remembered from one request to the next. */
  readonly isStateless: boolean;
}

export interface Echo {
  readonly options: EchoOptions;
  open(): EchoSession;
  /** @param session absent where there is none; requests of 2026-07-28 never have one */
  answer(
    request: JsonRpcRequest,
    session: EchoSession | undefined,
    arrival: Arrival,
  ): Promise<JsonRpcResponse>;
}

/** Whether a message carries its own metadata, as those of 2026-07-28 do. */
export function isModern(message: { params?: unknown }): boolean {
  return Object.hasOwn(metaOf(message) ?? {}, `${RESERVED}protocolVersion`);
}

export function createEcho(options: EchoOptions): Echo {
  const { clock, version } = options;
  const startedAt = clock.now();
  const serverInfo = { name: "mcp-gateway-echo", title: "Echo", version };

  const listed = (isStateful: boolean): object[] =>
    TOOLS.filter((tool) => isStateful || !tool.isStateful).map(
      ({ name, description, inputSchema }) => ({ name, description, inputSchema }),
    );

  const callTool = async (
    request: JsonRpcRequest,
    session: EchoSession | undefined,
    arrival: Arrival,
  ): Promise<object> => {
    const { name, arguments: given = {} } = request.params ?? {};
    const tool = TOOLS.find((one) => one.name === name && (session || !one.isStateful));
    const args = asObject(given);
    if (!tool || !args) {
      throw new Failure(ERROR_CODES.invalidParams, `There is no tool ${String(name)}`);
    }
    const era = isModern(request) ? "modern" : "legacy";
    const meta = metaOf(request) ?? {};
    try {
      const facts = await tool.call({ given: args, meta, era, session, arrival, clock, startedAt });
      if (typeof facts === "string") return { content: [{ type: "text", text: facts }] };
      const text = JSON.stringify(facts, null, 2);
      return { content: [{ type: "text", text }], structuredContent: facts };
    } catch (error) {
      if (!(error instanceof ToolFailure)) throw error;
      return { content: [{ type: "text", text: error.message }], isError: true };
    }
  };

  const legacy = async (
    request: JsonRpcRequest,
    session: EchoSession | undefined,
    arrival: Arrival,
  ): Promise<object> => {
    const { method, params = {} } = request;
    const isKept = session !== undefined && !options.isStateless;
    if (session) session.requests += 1;
    switch (method) {
      case "initialize": {
        const asked = String(params["protocolVersion"]);
        const protocolVersion = (LEGACY_VERSIONS as readonly unknown[]).includes(asked)
          ? asked
          : LEGACY_VERSIONS[0];
        if (session) {
          session.protocolVersion = protocolVersion;
          session.client = params["clientInfo"];
          session.capabilities = params["capabilities"];
        }
        return { protocolVersion, capabilities: { tools: {} }, serverInfo };
      }
      case "ping":
        return {};
      case "tools/list":
        return { tools: listed(isKept) };
      case "tools/call":
        return await callTool(request, isKept ? session : undefined, arrival);
      default:
        throw new Failure(ERROR_CODES.methodNotFound, `There is no method ${method}`);
    }
  };

  const modern = async (request: JsonRpcRequest, arrival: Arrival): Promise<object> => {
    checkEnvelope(request);
    const complete = { resultType: "complete", _meta: { [`${RESERVED}serverInfo`]: serverInfo } };
    switch (request.method) {
      case "server/discover": {
        const supportedVersions = [MODERN_VERSION];
        return { ...complete, supportedVersions, capabilities: { tools: {} }, ...FRESH };
      }
      case "tools/list":
        return { ...complete, tools: listed(false), ...FRESH };
      case "tools/call":
        return { ...complete, ...(await callTool(request, undefined, arrival)) };
      default:
        throw new Failure(ERROR_CODES.methodNotFound, `There is no method ${request.method}`);
    }
  };

  return {
    options,
    open: () => ({ openedAt: clock.now(), requests: 0 }),
    async answer(request, session, arrival) {
      const { id } = request;
      try {
        const result = isModern(request)
          ? await modern(request, arrival)
          : await legacy(request, session, arrival);
        return { jsonrpc: "2.0", id, result };
      } catch (error) {
        if (error instanceof Failure) {
          return errorResponse(id, error.code, error.message, error.data);
        }
        return errorResponse(id, ERROR_CODES.internal, "Internal error");
      }
    },
  };
}

function checkEnvelope(request: JsonRpcRequest): void {
  const meta = metaOf(request) ?? {};
  const requested = meta[`${RESERVED}protocolVersion`];
  if (typeof requested !== "string" || !asObject(meta[`${RESERVED}clientCapabilities`])) {
    const members = `${RESERVED}protocolVersion and ${RESERVED}clientCapabilities`;
    throw new Failure(ERROR_CODES.invalidParams, `_meta must have ${members}`);
  }
  if (requested === MODERN_VERSION) return;
  const data = { supported: [MODERN_VERSION], requested };
  throw new Failure(ERROR_CODES.unsupportedVersion, "Unsupported protocol version", data);
}

class Failure extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}
