/**
 * What the MCP path answers to a stranger.
 */
import type { Answer } from "../emulation/exchange.ts";
import { createWire } from "../emulation/wire.ts";
import type { CheckGroup } from "./check.ts";
import { failed, passed, skipped, warning, type Finding } from "./finding.ts";
import { jsonOf, QUESTION, typeOf, USER_AGENT, type Facts } from "./facts.ts";

/** As whom clients, and the firewalls' idea of them, come. */
const AGENTS = [
  "python-httpx/0.28.1",
  "Claude-User",
  "openai-mcp/1.0.0",
  "curl/8.14.1",
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];

export const mcpEndpoint: CheckGroup = {
  title: "MCP endpoint",
  checks: [
    {
      id: "bare-path",
      title: "It asks for a token",
      why: "A 401 is how clients learn that they must log in. Rules such as /mcp/* often miss the path itself (claude-ai-mcp#299).",
      next: "Route the path without the slash to the MCP server, too, and let it answer 401.",
      look: (facts) => expects401(facts, facts.bare),
    },
    {
      id: "slash-path",
      title: "It asks for a token with a slash at the end, too",
      why: "People and clients add the slash; a 404 there ends the login.",
      next: "Route both spellings to the MCP server.",
      look: (facts) => expects401(facts, facts.slashed),
    },
    {
      id: "redirect",
      title: "It does not redirect",
      why: "Clients drop the body or the token on a redirect, and one to http gives the token away (mcp-auth-proxy#116, mcp-proxy#88).",
      next: "Serve both spellings of the path directly; turn off the framework's slash redirects.",
      look: async (facts) => {
        const answers = await Promise.all([
          facts.refused(facts.bare),
          facts.refused(facts.slashed),
        ]);
        const turned = answers.filter(isRedirect);
        if (turned.length === 0) return passed("neither spelling");
        return failed(
          turned.map((answer) => `${answer.url.pathname}: ${there(answer)}`).join("; "),
        );
      },
    },
    {
      id: "challenge",
      title: "The 401 says where the metadata is",
      why: "VS Code and claude.ai follow resource_metadata in WWW-Authenticate, and some look nowhere else (apollo-mcp-server#533).",
      next: 'Send WWW-Authenticate: Bearer resource_metadata="https://…/.well-known/oauth-protected-resource/<path>".',
      look: async (facts) => {
        const { headers } = await facts.refusal();
        const header = headers["www-authenticate"] ?? "";
        if (header === "") return failed("no WWW-Authenticate");
        const { resourceMetadata: url } = await facts.challenge();
        if (url === undefined) return failed(`no resource_metadata in ${header}`);
        const isPathForm = url.replace(/^https?:/, "") === formOf(facts);
        return isPathForm ? passed(url) : warning(`${url}, not the form with the path`);
      },
    },
    {
      id: "challenge-body",
      title: "The 401 is JSON",
      why: "Clients that read the body report a broken server when it is a page (llm-gateway#2927).",
      next: "Let the MCP server itself answer 401, not the proxy's error page.",
      look: async (facts) => {
        const answer = await facts.refusal();
        return jsonOf(answer) ? passed(typeOf(answer)) : failed(typeOf(answer));
      },
    },
    {
      id: "bad-token",
      title: "A wrong token is refused as one",
      why: "Clients renew a token when they see 401 invalid_token; on any other answer they give up or loop.",
      next: 'Answer 401 with WWW-Authenticate: Bearer error="invalid_token" (RFC 6750 §3.1).',
      look: async (facts) => {
        const url = (await facts.refusal()).url;
        const headers = { ...QUESTION.headers, authorization: "Bearer not-a-token" };
        const answer = await facts.wire.ask("POST", url, { ...QUESTION, headers });
        const isNamed = String(answer.headers["www-authenticate"]).includes("invalid_token");
        if (answer.status !== 401) return failed(`${answer.status}`);
        return isNamed ? passed("401 invalid_token") : warning("401 without error=invalid_token");
      },
    },
    {
      id: "user-agent",
      title: "Every kind of client gets the same answer",
      why: "Bot rules let a browser through and stop python-httpx, which is claude.ai: the login works, and then nothing (claude-ai-mcp#335, #49).",
      next: "Exempt the MCP path and /.well-known/ from bot protection, or allow 160.79.104.0/21 (Anthropic).",
      look: lookAsOthers,
    },
    {
      id: "page",
      title: "A person who opens it sees a page",
      why: "People paste the address into a browser to see whether it works; a redirect there is followed by some clients as well.",
      next: "Answer GET with Accept: text/html by a short page, without a redirect.",
      look: async (facts) => {
        const request = { headers: { accept: "text/html,application/xhtml+xml" } };
        const answer = await facts.wire.ask("GET", facts.bare, request);
        const head = await facts.wire.ask("HEAD", facts.bare, request);
        const turned = [answer, head].find(isRedirect);
        if (turned) return failed(there(turned));
        const isPage = answer.status === 200 && typeOf(answer) === "text/html";
        return isPage && head.status === 200
          ? passed("200")
          : warning(`GET ${answer.status}, HEAD ${head.status}`);
      },
    },
    {
      id: "compression",
      title: "Its answers are not compressed",
      why: "A proxy that compresses holds events back until its buffer is full, and the client waits.",
      next: "Leave the MCP path out of the compress middleware.",
      look: async (facts) => {
        const url = (await facts.refusal()).url;
        const headers = { ...QUESTION.headers, "accept-encoding": "gzip, deflate, br, zstd" };
        const own = facts.token === undefined ? {} : { authorization: `Bearer ${facts.token}` };
        const request = { ...QUESTION, headers: { ...headers, ...own } };
        const encoding = (await facts.wire.ask("POST", url, request)).headers["content-encoding"];
        return encoding === undefined || encoding === "identity"
          ? passed("plain")
          : failed(encoding);
      },
    },
  ],
};

async function expects401(facts: Facts, url: URL): Promise<Finding> {
  const answer = await facts.refused(url);
  if (answer.status === 401) return passed("401");
  if (isRedirect(answer)) return skipped(`${there(answer)}; see redirect`);
  if (answer.status === 200) return failed("200 without a token: anybody can use it");
  const words = jsonOf(answer)?.["error_description"];
  return failed(`${answer.status}${typeof words === "string" ? `, ${words}` : ""} at ${url.href}`);
}

async function lookAsOthers(facts: Facts): Promise<Finding> {
  const own = await facts.refusal();
  const others = await Promise.all(
    AGENTS.map(async (agent) => {
      const wire = createWire(facts.web, {
        headers: { "user-agent": `${agent} (${USER_AGENT})` },
      });
      const answer = await wire.ask("POST", own.url, QUESTION);
      return { agent: agent.split(" ")[0]!, answer };
    }),
  );
  const odd = others.filter(
    ({ answer }) => answer.status !== own.status || typeOf(answer) !== typeOf(own),
  );
  if (odd.length === 0) return passed(others.map(({ agent }) => agent).join(", "));
  return failed(
    odd.map(({ agent, answer }) => `${agent} gets ${answer.status} ${typeOf(answer)}`).join("; "),
  );
}

function formOf({ resourceMetadataUrl }: Facts): string {
  return resourceMetadataUrl.href.replace(/^https?:/, "");
}

function isRedirect({ status }: Answer): boolean {
  return status >= 300 && status < 400;
}

function there({ status, headers }: Answer): string {
  return `${status} to ${headers["location"] ?? "nowhere"}`;
}
