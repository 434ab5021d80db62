/**
 * The handshake that makes a session: a fresh server, the client's `initialize`, the server's answer. The client is told
 * why when it fails; nothing of it survives then.
 */
import type { AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import { randomId } from "../random.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "./json-rpc.ts";
import { unavailable } from "./refusal.ts";
import type { Channel, Service } from "./service/service.ts";
import { ServiceUnavailable } from "./service/unavailable.ts";
import { McpSession } from "./session.ts";

const TIMEOUT = 60; // seconds; a launcher may have to download the server first
/** Revisions with `initialize`, newest first. 2024-11-05 had another transport, but its servers still exist. */
export const LEGACY_VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;

export interface Opening {
  readonly service: Service;
  readonly auth: AuthInfo;
  readonly request: JsonRpcRequest;
  readonly clock: Clock;
  /** The client went away. */
  readonly signal: AbortSignal;
  readonly onEnd: (session: McpSession, reason: string) => void;
}

/**
 * @returns the answer to `initialize`, and the session unless the answer is an error
 * @throws Refusal 503 while the service cannot be used
 */
export async function openSession(
  opening: Opening,
): Promise<{ answer: JsonRpcResponse; session?: McpSession }> {
  const { service, auth, request, clock, signal, onEnd } = opening;
  const { id } = request;
  const introduction = { ...request.params };
  let channel: Channel | undefined;
  try {
    channel = await service.connect(auth, signal);
    // What comes right behind the answer, in the same chunk, waits here until the session is made.
    const early: JsonRpcMessage[] = [];
    const answer = await ask(channel, greeting(request), early, clock);
    answer.id = id;
    const version = "result" in answer ? asObject(answer.result)?.["protocolVersion"] : undefined;
    if (typeof version !== "string") {
      void channel.close();
      return { answer };
    }
    const session: McpSession = new McpSession({
      id: randomId(),
      service: service.name,
      auth,
      channel,
      clock,
      protocolVersion: version,
      introduction,
      onEnd: (reason) => onEnd(session, reason),
    });
    for (const message of early) channel.onmessage?.(message);
    return { answer, session };
  } catch (error) {
    void channel?.close();
    if (error instanceof ServiceUnavailable) throw unavailable(error, id);
    const { reason = (error as Error).message, retryAt } = service.health();
    if (retryAt !== undefined) {
      throw unavailable(new ServiceUnavailable(reason, retryAt - clock.now()), id);
    }
    return { answer: errorResponse(id, ERROR_CODES.server, reason) };
  }
}

/**
 * The client's own `initialize` under our id. A version we do not speak is replaced by our newest: some servers return
 * whatever they are asked for.
 */
function greeting(request: JsonRpcRequest): JsonRpcRequest {
  const asked = request.params?.["protocolVersion"];
  const isOurs = (LEGACY_VERSIONS as readonly unknown[]).includes(asked);
  return {
    ...request,
    id: 0,
    params: { ...request.params, protocolVersion: isOurs ? asked : LEGACY_VERSIONS[0] },
  };
}

function ask(
  channel: Channel,
  request: JsonRpcRequest,
  early: JsonRpcMessage[],
  clock: Clock,
): Promise<JsonRpcResponse> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(TIMEOUT, () =>
      reject(new Error(`no answer to initialize within ${TIMEOUT} seconds`)),
    );
    const fail = (error: Error): void => {
      cancel();
      reject(error);
    };
    channel.onmessage = (message) => {
      if (isResponse(message) && message.id === request.id) {
        cancel();
        resolve(message);
      } else early.push(message);
    };
    channel.onclose = (reason) => fail(new Error(reason));
    channel
      .start()
      .then(() => channel.send(request))
      .catch(fail);
  });
}
