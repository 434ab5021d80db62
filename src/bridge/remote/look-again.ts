/**
 * Whether a server elsewhere that failed is of use again: a session with it is opened as a client's would be, and left.
 */
import type { Clock } from "../../clock.ts";
import type { Channel } from "../../mcp/channel.ts";
import { isResponse } from "../../mcp/json-rpc.ts";
import { outageOf } from "../../mcp/outage.ts";
import { INITIALIZE } from "../../mcp/first-words.ts";

const TIMEOUT = 10; // seconds

/** A refusal in words of MCP is an answer, too: not every server takes `initialize`. */
export async function lookAgain(channel: Channel, clock: Clock): Promise<boolean> {
  const isBack = await new Promise<boolean>((resolve) => {
    const cancel = clock.after(TIMEOUT, () => resolve(false));
    const settle = (verdict: boolean): void => {
      cancel();
      resolve(verdict);
    };
    channel.onmessage = (message) => {
      if (isResponse(message)) settle(outageOf(message) === undefined);
    };
    channel.onclose = () => settle(false);
    channel
      .start()
      .then(() => channel.send(INITIALIZE))
      .catch(() => settle(false));
  });
  await channel.close();
  return isBack;
}
