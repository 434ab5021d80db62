/**
 * What a modern server wants to know in the middle of a call, put to a legacy client as requests of its own. A client is
 * asked only for what it declared, and nobody answers in its place.
 */
import { requestId } from "../../random.ts";
import {
  asObject,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";

type Members = { readonly [member: string]: unknown };

export interface Question {
  readonly method: string;
  readonly params?: { [member: string]: unknown };
}

export class Questions {
  readonly #tell: (message: JsonRpcMessage, about: RequestId) => void;
  #next = 1;
  readonly #asked = new Map<RequestId, (answer: JsonRpcResponse, id: RequestId) => void>();

  /** @param tell the client, on the stream of its request `about` */
  constructor(tell: (message: JsonRpcMessage, about: RequestId) => void) {
    this.#tell = tell;
  }

  /**
   * @param about the client's request in whose course it is asked
   * @param version of the session
   * @returns what to withdraw it by
   */
  ask(
    question: Question,
    about: RequestId,
    version: string,
    onAnswer: (answer: JsonRpcResponse, id: RequestId) => void,
  ): RequestId {
    const id = this.#next++;
    this.#asked.set(id, onAnswer);
    const params = paramsFor(question, version);
    const request: JsonRpcRequest = { jsonrpc: "2.0", id, method: question.method };
    this.#tell(params === undefined ? request : { ...request, params }, about);
    return id;
  }

  settle(answer: JsonRpcResponse): void {
    const id = answer.id as RequestId;
    const onAnswer = this.#asked.get(id);
    this.#asked.delete(id);
    onAnswer?.(answer, id);
  }

  /** Nobody needs the answer any more. Does nothing when it is there. */
  withdraw(id: RequestId, about: RequestId, reason: string): void {
    if (!this.#asked.delete(id)) return;
    const params = { requestId: id, reason };
    this.#tell({ jsonrpc: "2.0", method: "notifications/cancelled", params }, about);
  }
}

/** One entry of `inputRequests`. @returns undefined when it is nothing a client can be asked */
export function readQuestion(entry: unknown): Question | undefined {
  const { method, params } = asObject(entry) ?? {};
  if (method !== "roots/list" && !asObject(params)) return undefined;
  if (typeof method !== "string" || !Object.hasOwn(NEEDS, method)) return undefined;
  return asObject(params) ? { method, params: asObject(params)! } : { method };
}

/** @returns the name of a capability that the question needs and the client does not have */
export function missingCapability(question: Question, capabilities: Members): string | undefined {
  return NEEDS[question.method]!(question.params ?? {}, capabilities);
}

const NEEDS: Readonly<
  Record<string, (params: Members, capabilities: Members) => string | undefined>
> = {
  "roots/list": (_, { roots }) => (asObject(roots) ? undefined : "roots"),
  "sampling/createMessage": (params, capabilities) => {
    const sampling = asObject(capabilities["sampling"]);
    if (!sampling) return "sampling";
    const needsTools = params["tools"] !== undefined || params["toolChoice"] !== undefined;
    return needsTools && !asObject(sampling["tools"]) ? "sampling.tools" : undefined;
  },
  "elicitation/create": (params, capabilities) => {
    const elicitation = asObject(capabilities["elicitation"]);
    if (!elicitation) return "elicitation";
    const [form, url] = [asObject(elicitation["form"]), asObject(elicitation["url"])];
    if (params["mode"] === "url") return url ? undefined : "elicitation.url";
    // Nothing named means forms: there was nothing else when the capability was made.
    return form || !url ? undefined : "elicitation.form";
  },
};

function paramsFor({ method, params }: Question, version: string): Question["params"] {
  if (method !== "elicitation/create" || !params) return params;
  const { mode, ...rest } = params;
  // Modes came with 2025-11-25; there those with a URL have an id, which 2026-07-28 took away.
  if (mode === "url") return { ...params, elicitationId: requestId() };
  return version < "2025-11-25" ? rest : params;
}
