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
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "./json-rpc.ts";
import { LEGACY_VERSIONS } from "./legacy-versions.ts";
import { unavailable } from "./refusal.ts";
import type { Channel, Service } from "./service/service.ts";
import { ServiceUnavailable } from "./service/unavailable.ts";
import { McpSession } from "./session.ts";
import type { SharedChildren } from "./sharing/shared-children.ts";

export interface Opening {
  readonly service: Service;
  readonly auth: AuthInfo;
  readonly request: JsonRpcRequest;
  readonly clock: Clock;
  /** The client went away. */
  readonly signal: AbortSignal;
  /** Seconds a user may take for what a server wants to know in the course of a call. */
  readonly pendingInput: number;
  readonly sharing: SharedChildren;
  readonly onEnd: (session: McpSession, reason: string) => void;
}

/**
 * @returns the answer to `initialize`, and the session unless the answer is an error
 * @throws Refusal 503 while the service cannot be used
 */
export async function openSession(
  opening: Opening,
): Promise<{ answer: JsonRpcResponse; session?: McpSession }> {
  const { service, auth, request, clock, signal, pendingInput, sharing, onEnd } = opening;
  const { id } = request;
  const introduction = { ...request.params };
  let channel: Channel | undefined;
  try {
    const hello = greeting(request);
    const greeted = await sharing.greet({ service, auth, hello, clock, signal, pendingInput });
    ({ channel } = greeted);
    const { answer, early } = greeted;
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
      timeout: service.config.timeout,
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
