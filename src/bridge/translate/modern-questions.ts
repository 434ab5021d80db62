/**
 * What a server of older revisions asks its client in the middle of a call: elicitation, sampling, roots. In 2026-07-28
 * the same is part of a result, and the answers are part of the next request.
 */
import {
  asObject,
  ERROR_CODES,
  metaOf,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../../mcp/json-rpc.ts";
import type { Capabilities } from "./modern-request.ts";

/** An error of 2025-11-25 that the client's human must open addresses first. */
const URL_ELICITATION_REQUIRED = -32042;
/** Method of a question -> the capability of a client that can answer it. */
const KINDS: Readonly<Record<string, string>> = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};

/** Why a client with these capabilities must not be asked this, for the server; undefined when it may. */
export function refusalOf(
  question: JsonRpcRequest,
  capabilities: Capabilities,
): { code: number; message: string } | undefined {
  const { method, params } = question;
  const kind = KINDS[method];
  if (kind === undefined) {
    return { code: ERROR_CODES.methodNotFound, message: `Clients do not know ${method}` };
  }
  const declared = asObject(capabilities[kind]);
  if (!declared) {
    return { code: ERROR_CODES.methodNotFound, message: `The client does not support ${kind}` };
  }
  const isSupported =
    kind === "elicitation"
      ? supportsMode(declared, params?.["mode"])
      : kind !== "sampling" || params?.["tools"] === undefined || asObject(declared["tools"]);
  if (isSupported) return undefined;
  const message = `The client does not support this kind of ${kind}`;
  return { code: ERROR_CODES.invalidParams, message };
}

/** How a key begins that names this question. */
export function kindOf(question: JsonRpcRequest): string {
  return KINDS[question.method] ?? "question";
}

/** The question as an entry of `inputRequests`. */
export function toInputRequest(question: JsonRpcRequest): object {
  const { method } = question;
  const meta = { ...metaOf(question) };
  // Nobody can tell progress of an answer, or follow one by an id, in this revision.
  delete meta["progressToken"];
  const { _meta, elicitationId: _, task: __, ...params } = question.params ?? {};
  if (_meta !== undefined && Object.keys(meta).length > 0) params["_meta"] = meta;
  return method === "roots/list" && Object.keys(params).length === 0
    ? { method }
    : { method, params };
}

/** Without modes a client means forms: they came first. */
function supportsMode(declared: Capabilities, mode: unknown): boolean {
  if (mode === "url") return asObject(declared["url"]) !== undefined;
  return asObject(declared["form"]) !== undefined || asObject(declared["url"]) === undefined;
}

/**
 * What an answer of a server wants its client's human to open before it is asked again, as questions.
 * @returns undefined for every other answer
 */
export function urlQuestions(response: JsonRpcResponse): JsonRpcRequest[] | undefined {
  if (!("error" in response) || response.error.code !== URL_ELICITATION_REQUIRED) return undefined;
  const elicitations = asObject(response.error.data)?.["elicitations"];
  if (!Array.isArray(elicitations) || elicitations.length === 0) return undefined;
  return (elicitations as unknown[]).map((params) => ({
    jsonrpc: "2.0",
    id: 0,
    method: "elicitation/create",
    params: { ...asObject(params), mode: "url" },
  }));
}
