/**
 * The echo server on standard input and output: one message a line. The process is the session.
 */
import { createInterface } from "node:readline";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  isJsonRpcMessage,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type RequestId,
} from "../mcp/json-rpc.ts";
import type { Echo } from "./echo.ts";

/** @returns when the input has ended and everything is answered */
export async function serveStdio(
  echo: Echo,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<void> {
  const session = echo.open();
  const running = new Map<RequestId, AbortController>();
  const answers = new Set<Promise<void>>();
  const send = (message: JsonRpcMessage): void => {
    output.write(`${JSON.stringify(message)}\n`);
  };

  const answer = async (message: JsonRpcMessage): Promise<void> => {
    if (isResponse(message)) return;
    if (!isRequest(message)) {
      const { requestId } = asObject(message.params) ?? {};
      if (message.method === "notifications/cancelled")
        running.get(requestId as RequestId)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(message.id, controller);
    const answered = await echo.answer(message, session, {
      transport: "stdio",
      receivedAt: echo.options.clock.now(),
      signal: controller.signal,
      notify: (method, params) => send({ jsonrpc: "2.0", method, params }),
    });
    running.delete(message.id);
    if (!controller.signal.aborted) send(answered);
  };

  for await (const line of createInterface({ input })) {
    if (line.trim() === "") continue;
    const message = parse(line);
    if (message === undefined) {
      send(errorResponse(undefined, ERROR_CODES.parse, "The line is not a JSON-RPC message"));
      continue;
    }
    const answered = answer(message);
    answers.add(answered);
    void answered.finally(() => answers.delete(answered));
  }
  for (const controller of running.values()) controller.abort();
  await Promise.all(answers);
}

function parse(line: string): JsonRpcMessage | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonRpcMessage(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
