/**
 * The doctor at a gateway behind a proxy with TLS: nothing is wrong with a healthy one, and of each broken one exactly that
 * is named which is broken.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { checks, examine, type Result } from "../../src/client/doctor/examine.ts";
import { connectControl } from "../../src/control.ts";
import { createWire } from "../../src/client/emulation/wire.ts";
import { createWeb } from "../../src/client/web.ts";
import { startBehindFrontEnd, type Fault, type FrontEnd } from "../support/front-end.ts";
import { registerProgram, secretOf } from "../support/operator.ts";

let front: FrontEnd;
let token: string;

beforeAll(async () => {
  front = await startBehindFrontEnd();
  token = await obtainToken();
});
afterEach(() => front.break({}));
afterAll(() => front.close());

async function obtainToken(): Promise<string> {
  const { gateway, certificate } = front;
  const endpoint = new URL(gateway.resource);
  const web = await createWeb({ endpoint, allowHttp: false, certificates: [certificate] });
  const headers = {
    ...secretOf(await registerProgram(gateway)),
    "content-type": "application/x-www-form-urlencoded",
  };
  const form = { grant_type: "client_credentials", resource: gateway.resource };
  const body = new URLSearchParams(form).toString();
  const wire = createWire(web, { headers: {} });
  const { text } = await wire.ask("POST", `${gateway.url}/token`, { headers, body });
  await web.close();
  return (JSON.parse(text) as { access_token: string }).access_token;
}

async function resultsOf(
  options: { token?: string; streamPatience?: number } = { token },
): Promise<Result[]> {
  const { gateway, certificate } = front;
  const results: Result[] = [];
  const all = examine({
    url: gateway.resource,
    certificates: [certificate],
    ...options,
  });
  for await (const group of all) results.push(...group.results);
  return results;
}

const named = (results: Result[], verdict: string): string[] =>
  results.filter((result) => result.verdict === verdict).map(({ id }) => id);

describe("a healthy gateway", () => {
  it("has nothing wrong from inside, and keeps no client of the examination", async () => {
    const results = await resultsOf();
    const remarks = results.filter(({ verdict }) => verdict === "failed" || verdict === "warning");
    // How long this machine takes is not the gateway's fault.
    expect(remarks.filter(({ id }) => id !== "speed")).toEqual([]);
    expect(named(results, "skipped")).toEqual(["port", "plain-http"]);
    expect(results.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
    const seen = front.gateway.events.filter(({ type }) => type === "client.registered");
    expect(seen.length).toBeGreaterThan(10);
    const kept = await connectControl(front.gateway.stateDirectory).clients();
    expect(kept.map(({ name }) => name)).toEqual(["Program"]);
  });

  it("is looked at from outside without a token", async () => {
    const results = await resultsOf({});
    expect(named(results, "failed")).toEqual([]);
    expect(named(results, "skipped")).toEqual(expect.arrayContaining(["token", "stream"]));
  });
});

const html = { "content-type": "text/html" };
const isMcp = (path = ""): boolean => path === "/mcp";

const FAULTS: readonly (readonly [what: string, ids: string[], fault: Fault])[] = [
  [
    "strips CORS",
    ["cors-challenge", "cors-preflight", "cors-documents", "cors-errors"],
    { drops: /^access-control-/ },
  ],
  [
    "does not expose WWW-Authenticate",
    ["cors-challenge"],
    { drops: /^access-control-expose-headers$/ },
  ],
  [
    "redirects to the trailing slash (mcp-auth-proxy#116)",
    ["redirect"],
    {
      takes(incoming, response) {
        const isTaken = isMcp(incoming.url) && incoming.method === "POST";
        if (isTaken) response.writeHead(307, { location: "/mcp/" }).end();
        return isTaken;
      },
    },
  ],
  [
    "answers python-httpx with a page (claude-ai-mcp#335)",
    ["user-agent"],
    {
      takes(incoming, response) {
        const isTaken = incoming.headers["user-agent"]?.startsWith("python-httpx") === true;
        if (isTaken) response.writeHead(403, html).end("<h1>Forbidden</h1>");
        return isTaken;
      },
    },
  ],
  [
    "lets nobody but browsers to the metadata (claude-ai-mcp#53)",
    ["resource-metadata-root", "firewall"],
    {
      takes(incoming, response) {
        const isTaken = incoming.url === "/.well-known/oauth-protected-resource";
        if (isTaken) response.writeHead(403, html).end("<h1>Just a moment...</h1>");
        return isTaken;
      },
    },
  ],
  ["buffers events (claude-code#5826)", ["stream"], { buffers: true }],
  [
    "writes http into metadata (agentgateway#449)",
    ["metadata-https"],
    { rewrites: (text) => text.replaceAll("https://localhost", "http://localhost") },
  ],
  [
    "does not route the bare path (claude-ai-mcp#299)",
    ["bare-path"],
    {
      takes(incoming, response) {
        const isTaken = isMcp(incoming.url) && incoming.headers.authorization === undefined;
        const isCall = isTaken && incoming.method === "POST";
        if (isCall) response.writeHead(404, { "access-control-allow-origin": "*" }).end();
        return isCall;
      },
    },
  ],
  [
    "does not route the metadata of the path (claude-ai-mcp#716)",
    ["resource-metadata", "resource-metadata-appended"],
    {
      takes(incoming, response) {
        const isTaken = /oauth-protected-resource\/mcp$|\/mcp\/\.well-known/.test(
          incoming.url ?? "",
        );
        if (isTaken) response.writeHead(200, html).end("<h1>Welcome</h1>");
        return isTaken;
      },
    },
  ],
  ["drops WWW-Authenticate", ["challenge"], { drops: /^www-authenticate$/ }],
  ["compresses", ["compression"], { headers: { "content-encoding": "gzip" } }],
  [
    "has lost the time",
    ["clock"],
    { headers: { date: new Date(1_000_000_000_000).toUTCString() } },
  ],
  [
    "forgets iss on the way (codex#41836)",
    ["iss-parameter"],
    {
      takes(incoming, response) {
        const { pathname, searchParams } = new URL(incoming.url!, "https://localhost");
        const isTaken = pathname === "/authorize";
        const location = `${searchParams.get("redirect_uri")}?error=login_required`;
        if (isTaken) response.writeHead(303, { location }).end();
        return isTaken;
      },
    },
  ],
  [
    "takes no redirect URI but https (better-auth#10946)",
    ["register-cursor"],
    { refuses: (body) => body.includes("cursor://") },
  ],
];

describe("a gateway behind a proxy that", () => {
  it.each(FAULTS)("%s", async (_, ids, fault) => {
    front.break(fault);
    const patience = fault.buffers ? { streamPatience: 2 } : {};
    expect(named(await resultsOf({ token, ...patience }), "failed")).toEqual(ids);
  });
});
