/**
 * What only somebody with a token sees.
 */
import { request } from "undici";
import { messageOf } from "../../errors.ts";
import { randomId } from "../../random.ts";
import { mcpRequest, responseIn, type McpRequest } from "../emulation/mcp-messages.ts";
import type { CheckGroup } from "./check.ts";
import { failed, Missing, passed, skipped, warning, type Finding } from "./finding.ts";
import { USER_AGENT, type Facts } from "./facts.ts";

const STREAM_PATIENCE = 20; // seconds; servers send a comment each 15 s
const NO_TOKEN = "needs a token: --token-stdin, or MCP_GATEWAY_TOKEN";

const HELLO = mcpRequest({
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: USER_AGENT, version: "1" },
  },
});

/** Sessions under examination. */
const sessions = new WeakMap<Facts, Promise<Record<string, string>>>();

export const inside: CheckGroup = {
  title: "With a token",
  checks: [
    {
      id: "token",
      title: "The token is taken",
      why: "A login that succeeds and a call that fails is what people report most, and it has no diagnosis (claude-ai-mcp#155, #546).",
      next: "Look whether the token is for this address (aud), whether it has ended, and whether the proxy passes Authorization on.",
      look: async (facts) => {
        const { "mcp-session-id": id } = await sessionOf(facts);
        return passed(id === undefined ? "200, no session" : "200, a session");
      },
    },
    {
      id: "tools",
      title: "The server answers",
      why: "A gateway can be well while the server behind it is not.",
      next: "mcp-gateway service list and service logs NAME say what became of it.",
      look: async (facts) => {
        const answer = await post(facts, mcpRequest({ id: 1, method: "tools/list" }));
        const message = responseIn(answer, 1);
        if (message?.error) return warning(message.error.message ?? "an error");
        const tools = message?.result?.["tools"] as unknown[] | undefined;
        return tools ? passed(`${tools.length} tools`) : failed(`${answer.status}`);
      },
    },
    {
      id: "unknown-session",
      title: "A session that is over is told so",
      why: "404 makes clients begin a new one; after 400 or 401 they stay broken until they are restarted (python-sdk#1676).",
      next: "Answer 404 for an unknown Mcp-Session-Id.",
      look: async (facts) => {
        const session = await sessionOf(facts);
        if (session["mcp-session-id"] === undefined) return skipped("the server has no sessions");
        const { headers, body } = mcpRequest({ id: 1, method: "tools/list" });
        const lost = { ...headers, ...session, "mcp-session-id": randomId() };
        const { status } = await facts.wire.ask("POST", await facts.place(), {
          headers: lost,
          body,
        });
        return status === 404 ? passed("404") : failed(`${status}`);
      },
    },
    {
      id: "stream",
      title: "Events come at once",
      why: "A proxy that buffers holds every event back: the list of tools never comes (claude-code#5826).",
      next: "Turn buffering off for the MCP path (X-Accel-Buffering: no, flushInterval), and send a comment each 15 s.",
      look: lookAtStream,
    },
  ],
};

/** Ends what the checks have opened. */
export async function closeSession(facts: Facts): Promise<void> {
  const session = await sessions.get(facts)?.catch(() => undefined);
  if (session?.["mcp-session-id"] === undefined) return;
  await facts.wire.ask("DELETE", await facts.place(), { headers: session }).catch(() => undefined);
}

/** Headers of every further request. @throws Missing without a token, UserError when it is refused */
function sessionOf(facts: Facts): Promise<Record<string, string>> {
  const known = sessions.get(facts) ?? openSession(facts);
  sessions.set(facts, known);
  return known;
}

async function openSession(facts: Facts): Promise<Record<string, string>> {
  if (facts.token === undefined) throw new Missing(NO_TOKEN);
  const own = { authorization: `Bearer ${facts.token}` };
  const headers = { ...HELLO.headers, ...own };
  const answer = await facts.wire.ask("POST", await facts.place(), { ...HELLO, headers });
  const result = responseIn(answer, 0)?.result;
  if (!result) throw new Error(`${answer.status} to initialize`);
  const id = answer.headers["mcp-session-id"];
  const session = {
    ...own,
    "mcp-protocol-version": String(result["protocolVersion"]),
    ...(typeof id === "string" && { "mcp-session-id": id }),
  };
  const ready = mcpRequest({ method: "notifications/initialized" }, session);
  await facts.wire.ask("POST", await facts.place(), ready);
  return session;
}

async function post(facts: Facts, { headers, body }: McpRequest) {
  const session = await sessionOf(facts);
  return facts.wire.ask("POST", await facts.place(), { headers: { ...headers, ...session }, body });
}

async function lookAtStream(facts: Facts): Promise<Finding> {
  const session = await sessionOf(facts);
  const patience = facts.options.streamPatience ?? STREAM_PATIENCE;
  const begun = performance.now();
  const signal = AbortSignal.timeout(patience * 1000);
  try {
    const place = await facts.place();
    const { statusCode, headers, body } = await request(place, {
      dispatcher: facts.web.dispatcherFor(place),
      headers: { ...session, accept: "text/event-stream", "user-agent": USER_AGENT },
      signal,
    });
    body.on("error", () => undefined);
    if (statusCode !== 200) {
      body.destroy();
      return skipped(`${statusCode}: the server opens no stream of its own`);
    }
    for await (const _ of body) break;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const isAsked = headers["x-accel-buffering"] === "no";
    return isAsked
      ? passed(`after ${seconds} s`)
      : warning(`after ${seconds} s, without X-Accel-Buffering: no`);
  } catch (error) {
    return signal.aborted ? failed(`nothing within ${patience} s`) : failed(messageOf(error));
  }
}
