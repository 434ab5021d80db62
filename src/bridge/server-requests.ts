/**
 * What a server asks its client (sampling, elicitation, roots). Each question travels under an id of ours, because the
 * ids of the server and those of the client are two worlds.
 */
import {
  ERROR_CODES,
  errorResponse,
  type JsonRpcErrorResponse,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../mcp/json-rpc.ts";

/** Which capability a client must have declared to be asked. */
const NEEDS: Readonly<Record<string, string>> = {
  "sampling/createMessage": "sampling",
  "elicitation/create": "elicitation",
  "roots/list": "roots",
};

export class ServerRequests {
  #next = 1;
  readonly #asked = new Map<RequestId, { id: RequestId; stream: number; seenAt?: number }>();

  /** Whether the client owes an answer. */
  get isPending(): boolean {
    return this.#asked.size > 0;
  }

  /** @returns the refusal the server gets, when the client never said that it can do this */
  refuse(
    request: JsonRpcRequest,
    capabilities: { [member: string]: unknown },
  ): JsonRpcErrorResponse | undefined {
    const needed = NEEDS[request.method];
    if (needed === undefined || capabilities[needed] !== undefined) return undefined;
    const message = `The client did not declare the capability ${needed}`;
    return errorResponse(request.id, ERROR_CODES.methodNotFound, message);
  }

  /** Note the question and put our id into it. @param stream where it is sent */
  add(request: JsonRpcRequest, stream: number): void {
    const id = this.#next++;
    this.#asked.set(id, { id: request.id, stream });
    request.id = id;
  }

  /** Put the server's id into the client's answer. @returns whether anybody asked */
  settle(response: JsonRpcResponse): boolean {
    const asked = this.#asked.get(response.id as RequestId);
    if (!asked) return false;
    this.#asked.delete(response.id as RequestId);
    response.id = asked.id;
    return true;
  }

  /** Forget what the client did not answer for `seconds`. @returns the server's ids, with ours and the stream */
  giveUp(now: number, seconds: number): { id: RequestId; ours: RequestId; stream: number }[] {
    const found: { id: RequestId; ours: RequestId; stream: number }[] = [];
    for (const [ours, asked] of this.#asked) {
      asked.seenAt ??= now;
      if (now - asked.seenAt < seconds) continue;
      this.#asked.delete(ours);
      found.push({ id: asked.id, ours, stream: asked.stream });
    }
    return found;
  }

  /** The server takes a question back. @returns our id of it and its stream */
  withdraw(id: unknown): { id: RequestId; stream: number } | undefined {
    for (const [ours, asked] of this.#asked) {
      if (asked.id !== id) continue;
      this.#asked.delete(ours);
      return { id: ours, stream: asked.stream };
    }
    return undefined;
  }
}
