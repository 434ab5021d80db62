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
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../mcp/json-rpc.ts";
import { LEGACY_VERSIONS } from "../mcp/revisions.ts";
import { replay } from "./revival.ts";
import { unavailable } from "./refusal.ts";
import { digestOfAnswer, STREAMS_OF_A_LIFE, type RememberedSession } from "./session-memory.ts";
import type { ListKind } from "./session-options.ts";
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
  /** Goes on with what there was before this process; then `request` is of our making. */
  readonly recalled?: { readonly id: string; readonly session: RememberedSession } | undefined;
  readonly onRemarkable: (session: McpSession, message: JsonRpcMessage) => void;
  readonly onEnd: (session: McpSession, reason: string, hasCrashed: boolean) => void;
}

/**
 * @returns the answer to `initialize`, and the session unless the answer is an error
 * @throws Refusal 503 while the service cannot be used
 */
export async function openSession(
  opening: Opening,
): Promise<{ answer: JsonRpcResponse; session?: McpSession }> {
  const { service, auth, request, clock, signal, pendingInput, sharing } = opening;
  const { recalled, onRemarkable, onEnd } = opening;
  const { id } = request;
  const introduction = { ...request.params };
  let channel: Channel | undefined;
  try {
    const hello = greeting(request);
    const greeted = await sharing.greet({ service, auth, hello, clock, signal, pendingInput });
    ({ channel } = greeted);
    const { answer } = greeted;
    const early = [...greeted.early];
    answer.id = id;
    const result = "result" in answer ? asObject(answer.result) : undefined;
    const version = result?.["protocolVersion"];
    if (typeof version !== "string") {
      void channel.close();
      return { answer };
    }
    if (recalled) {
      if (digestOfAnswer(result) !== recalled.session.answer) {
        throw new Error("the server is not what it was before");
      }
      await replay(channel, recalled.session, early, clock);
    }
    const session: McpSession = new McpSession({
      id: recalled?.id ?? randomId(),
      ...(recalled && {
        openedAt: recalled.session.openedAt,
        firstStream: Math.floor(clock.now()) * STREAMS_OF_A_LIFE,
      }),
      service: service.name,
      auth,
      channel,
      clock,
      protocolVersion: version,
      announces: announcedBy(result?.["capabilities"]),
      timeout: service.config.timeout,
      introduction,
      onRemarkable: (message) => onRemarkable(session, message),
      onEnd: (reason, hasCrashed) => onEnd(session, reason, hasCrashed),
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

function announcedBy(capabilities: unknown): ReadonlySet<ListKind> {
  const abilities = asObject(capabilities);
  const kinds: ListKind[] = ["tools", "prompts", "resources"];
  return new Set(kinds.filter((kind) => asObject(abilities?.[kind])?.["listChanged"] === true));
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
