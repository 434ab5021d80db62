/**
 * A tool call with the token, from `initialize` on (MCP Streamable HTTP).
 */
import { UserError } from "../../errors.ts";
import type { Answer } from "./exchange.ts";
import {
  initialize,
  mcpRequest,
  responseIn,
  serverDiscover,
  type McpAnswer,
  type McpRequest,
} from "./mcp-messages.ts";
import type { Visit } from "./visit.ts";

/**
 * @param tool left out, the tools are only listed
 * @returns the result of the call, or of the list
 * @throws UserError
 */
export async function callTool(
  visit: Visit,
  accessToken: string,
  tool?: { name: string; arguments: Record<string, unknown> },
): Promise<Record<string, unknown>> {
  const { emulation, endpoint, wire } = visit;
  let session: Record<string, string> = { authorization: `Bearer ${accessToken}` };

  const post = ({ headers, body }: McpRequest): Promise<Answer> =>
    wire.ask("POST", endpoint, { headers: { ...headers, ...session }, body });

  const ask = async (request: McpRequest, id: number) => {
    const answer = await post(request);
    const message = answer.status === 200 ? responseIn(answer, id) : undefined;
    if (message?.result === undefined) throw refused(emulation.title, answer, message);
    return { result: message.result, headers: answer.headers };
  };

  // What it is told here decides only which way it goes on; servers of any revision must stand it.
  if (emulation.probe === "server/discover") await post(serverDiscover());
  const { result: hello, headers } = await ask(initialize(emulation), 0);
  const id = headers["mcp-session-id"];
  session = {
    ...session,
    "mcp-protocol-version": String(hello["protocolVersion"]),
    ...(typeof id === "string" && { "mcp-session-id": id }),
  };
  await post(mcpRequest({ method: "notifications/initialized" }));
  const { result: listed } = await ask(mcpRequest({ id: 1, method: "tools/list" }), 1);
  const { tools = [] } = listed as { tools?: unknown[] };
  visit.tell("call", `${tools.length} tools`);
  if (tool === undefined) return listed;
  const call = mcpRequest({ id: 2, method: "tools/call", params: tool });
  return (await ask(call, 2)).result;
}

function refused(title: string, { status }: Answer, message: McpAnswer | undefined): UserError {
  const reason = message?.error?.message ?? `status ${status}`;
  return new UserError(`${title} has a token, and its request fails all the same: ${reason}`, {
    hint:
      status === 401 || status === 403
        ? "The token is refused: look in the server's log, and for a firewall in front of it."
        : "Look in the server's log.",
  });
}
