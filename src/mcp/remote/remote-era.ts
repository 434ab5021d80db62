/**
 * Finds out which revisions of MCP a server elsewhere speaks, as clients do over HTTP (MCP 2026-07-28 "era detection"): a
 * modern answer, or a modern error, shows a modern server; any other refusal of the request an older one. Missing
 * credentials, outages and silence show nothing.
 */
import {
  asObject,
  ERROR_CODES,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
} from "../json-rpc.ts";
import type { Era } from "../channel.ts";
import { ask } from "./answer.ts";
import { mirrorHeaders } from "./mirror-headers.ts";
import type { Remote } from "./remote.ts";
import { RemoteFailure } from "./remote-failure.ts";
import { DISCOVER, INITIALIZE } from "../first-words.ts";
import { LEGACY_VERSIONS } from "../revisions.ts";

const TIMEOUT = 10; // seconds
const POST = ["content-type", "application/json", "accept", "application/json, text/event-stream"];

/** @throws RemoteFailure when the server showed nothing */
export async function findRemoteEra(remote: Remote): Promise<Era> {
  const discovered = await askOnce(remote, DISCOVER, mirrorHeaders(DISCOVER, remote.tools));
  if (!isModern(discovered.answer)) return "legacy";
  const initialized = await askOnce(remote, INITIALIZE, []);
  const { answer, sessionId } = initialized;
  if (sessionId !== undefined) endSession(remote, sessionId);
  return answer !== undefined && "result" in answer ? "dual" : "modern";
}

function isModern(answer: JsonRpcMessage | undefined): boolean {
  if (answer === undefined) return false;
  if ("result" in answer) return Array.isArray(asObject(answer.result)?.["supportedVersions"]);
  const codes: readonly number[] = [
    ERROR_CODES.headerMismatch,
    ERROR_CODES.missingClientCapability,
    ERROR_CODES.unsupportedVersion,
  ];
  return "error" in answer && codes.includes(answer.error.code);
}

interface Asked {
  /** Undefined when it was refused without words. */
  answer: JsonRpcMessage | undefined;
  sessionId: string | undefined;
}

/** @throws RemoteFailure */
function askOnce(
  remote: Remote,
  question: JsonRpcRequest,
  headers: readonly string[],
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    let sessionId: string | undefined;
    const settle = (answer: JsonRpcMessage | undefined): void => {
      cancel();
      resolve({ answer, sessionId });
    };
    const fail = (failure: RemoteFailure): void => {
      cancel();
      reject(failure);
    };
    const cancel = remote.clock.after(TIMEOUT, () => {
      abort();
      const failure = new RemoteFailure("did not answer in time", { status: 504 });
      remote.failed(failure);
      reject(failure);
    });
    const body = JSON.stringify(question);
    const request = { method: "POST" as const, headers: [...POST, ...headers], body, silence: 0 };
    const abort = ask(remote, request, {
      onHead: (_status, { "mcp-session-id": id }) => {
        if (typeof id === "string" && /^[\x21-\x7e]{1,1024}$/.test(id)) sessionId = id;
      },
      onMessage: (message) => {
        if (!("method" in message)) settle(message);
      },
      onEnd: () => settle(undefined),
      onRefused: (_status: number, error: JsonRpcErrorResponse | undefined) => settle(error),
      onFailure: fail,
    });
  });
}

function endSession(remote: Remote, id: string): void {
  const nothing = (): void => undefined;
  const headers = ["mcp-session-id", id, "mcp-protocol-version", LEGACY_VERSIONS[0]];
  const listener = {
    isBodyIgnored: true,
    isOptional: true,
    onMessage: nothing,
    onEnd: nothing,
    onRefused: nothing,
    onFailure: nothing,
  };
  ask(remote, { method: "DELETE", headers, silence: TIMEOUT }, listener);
}
