/**
 * Finds out which revisions of MCP a server speaks, on processes that serve nobody: some servers exit when the first
 * message is not the one they expect (the procedure clients use, MCP 2026-07-28 "era detection").
 */
import type { Clock } from "../../clock.ts";
import { asObject, ERROR_CODES, isResponse, type JsonRpcMessage } from "../../mcp/json-rpc.ts";
import type { Channel, Era } from "./service.ts";
import { DISCOVER, INITIALIZE } from "../../mcp/first-words.ts";

const PROBE_TIMEOUT = 5; // seconds
const GRACE = 0.2; // seconds; a probed child holds nothing worth saving

/**
 * @param connect opens a channel to a disposable server
 * @returns undefined when the server said nothing to either question: too slow, or broken; not worth remembering
 */
export async function probeEra(connect: () => Channel, clock: Clock): Promise<Era | undefined> {
  const [discovered, initialized] = await Promise.all([
    ask(connect(), DISCOVER, clock),
    ask(connect(), INITIALIZE, clock),
  ]);
  const isModern = discovered !== undefined && speaksModern(discovered);
  const isLegacy = initialized !== undefined && "result" in initialized;
  if (isModern) return isLegacy ? "dual" : "modern";
  return isLegacy ? "legacy" : undefined;
}

function speaksModern(answer: JsonRpcMessage): boolean {
  if ("result" in answer) return Array.isArray(asObject(answer.result)?.["supportedVersions"]);
  // It knows what a version of a request is, only not ours.
  return "error" in answer && answer.error.code === ERROR_CODES.unsupportedVersion;
}

/** @returns the answer, or undefined when the server ended or stayed silent */
async function ask(
  channel: Channel,
  question: JsonRpcMessage,
  clock: Clock,
): Promise<JsonRpcMessage | undefined> {
  const answer = await new Promise<JsonRpcMessage | undefined>((resolve) => {
    const cancel = clock.after(PROBE_TIMEOUT, () => resolve(undefined));
    const settle = (message?: JsonRpcMessage): void => {
      cancel();
      resolve(message);
    };
    channel.onmessage = (message) => {
      if (isResponse(message) && message.id === 1) settle(message);
    };
    channel.onclose = () => settle();
    channel
      .start()
      .then(() => channel.send(question))
      .catch(() => settle());
  });
  await channel.close(GRACE);
  return answer;
}
