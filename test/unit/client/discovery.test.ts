import { describe, expect, it } from "vitest";
import { discover, discoverServer } from "../../../src/client/discovery.ts";
import { createWeb, type Web } from "../../../src/client/web.ts";

const ENDPOINT = new URL("https://mcp.example/a/mcp");
const ISSUER = "https://as.example/tenant";

const serverOf = (issuer: string): object => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  code_challenge_methods_supported: ["S256"],
});

/** The web as far as a test has written it; everything else is 404. */
async function webOf(
  documents: Record<string, object | string>,
): Promise<Web & { asked: string[] }> {
  const web = await createWeb({ endpoint: ENDPOINT, allowHttp: false });
  const asked: string[] = [];
  return {
    ...web,
    asked,
    ask: async (url) => {
      asked.push(String(url));
      const found = documents[String(url)];
      if (found === undefined) return new Response("not here", { status: 404 });
      const body = typeof found === "string" ? found : JSON.stringify(found);
      return new Response(body, { headers: { "content-type": "application/json" } });
    },
  };
}

const resource = (members: object = {}): object => ({
  resource: ENDPOINT.href,
  authorization_servers: [ISSUER],
  ...members,
});
const AS = "https://as.example/.well-known/oauth-authorization-server/tenant";
const PATH = "https://mcp.example/.well-known/oauth-protected-resource/a/mcp";
const ROOT = "https://mcp.example/.well-known/oauth-protected-resource";

describe("resource metadata, RFC 9728", () => {
  it("is where the challenge says, then at the path, then at the root", async () => {
    const web = await webOf({ [ROOT]: resource(), [AS]: serverOf(ISSUER) });
    const resourceMetadata = "https://mcp.example/elsewhere";
    const found = await discover(ENDPOINT, { resourceMetadata }, web);
    expect(web.asked).toEqual([resourceMetadata, PATH, ROOT, AS]);
    expect(found).toMatchObject({ resource: ENDPOINT.href, server: { issuer: ISSUER } });
  });

  it.each(["https://mcp.example", "https://mcp.example/", "https://mcp.example/a"])(
    "may name the folder %s the endpoint is in",
    async (name) => {
      const web = await webOf({ [PATH]: resource({ resource: name }), [AS]: serverOf(ISSUER) });
      expect((await discover(ENDPOINT, {}, web)).resource).toBe(name);
    },
  );

  it.each([
    "https://mcp.example/a/mcp-2",
    "https://mcp.example/a/m",
    "https://mcp.example.evil/a/mcp",
    "http://mcp.example/a/mcp",
  ])("must not name %s", async (name) => {
    const web = await webOf({ [PATH]: resource({ resource: name }), [AS]: serverOf(ISSUER) });
    await expect(discover(ENDPOINT, {}, web)).rejects.toThrow(/another server/);
  });

  it("says which scopes to ask for, unless the challenge does", async () => {
    const document = resource({ scopes_supported: ["a", "b"] });
    const web = await webOf({ [PATH]: document, [AS]: serverOf(ISSUER) });
    expect((await discover(ENDPOINT, {}, web)).scope).toBe("a b");
    expect((await discover(ENDPOINT, { scope: "c" }, web)).scope).toBe("c");
  });
});

describe("authorization server metadata", () => {
  it("is looked for in the order of MCP", async () => {
    const web = await webOf({});
    await expect(discoverServer(ISSUER, web)).rejects.toThrow(/has no metadata/);
    expect(web.asked).toEqual([
      AS,
      "https://as.example/.well-known/openid-configuration/tenant",
      "https://as.example/tenant/.well-known/openid-configuration",
    ]);
  });

  it.each(["https://as.example/tenant2", "https://evil.example/tenant", ""])(
    "of the issuer %j is refused (RFC 8414 §3.3)",
    async (issuer) => {
      const web = await webOf({ [AS]: serverOf(issuer) });
      await expect(discoverServer(ISSUER, web)).rejects.toThrow(/another issuer/);
    },
  );

  it("that is no JSON is none", async () => {
    const web = await webOf({ [AS]: "<html>" });
    await expect(discoverServer(ISSUER, web)).rejects.toThrow(/none that can be read/);
  });

  it("without S256 is refused", async () => {
    const document = { ...serverOf(ISSUER), code_challenge_methods_supported: ["plain"] };
    const web = await webOf({ [AS]: document });
    await expect(discoverServer(ISSUER, web)).rejects.toThrow(/PKCE/);
  });

  it("of a server of 2025-03-26 is at its origin, or its endpoints are the default ones", async () => {
    const origin = "https://mcp.example";
    const own = `${origin}/.well-known/oauth-authorization-server`;
    const named = await discover(ENDPOINT, {}, await webOf({ [own]: serverOf(origin) }));
    expect(named).toEqual({ server: serverOf(origin) });
    const { server } = await discover(ENDPOINT, {}, await webOf({}));
    expect(server).toMatchObject({
      issuer: origin,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
    });
  });
});

describe("addresses", () => {
  it.each([
    ["https://mcp.example/mcp", "https://as.example", true],
    ["https://mcp.example/mcp", "http://as.example", false],
    // A remote server must not lead to a program on this machine.
    ["https://mcp.example/mcp", "http://localhost:8080/token", false],
    ["http://localhost:9000/mcp", "http://127.0.0.1:8080/token", true],
    ["http://localhost:9000/mcp", "http://10.0.0.1/token", false],
    ["https://mcp.example/mcp", "https://user:pass@as.example", false],
    ["https://mcp.example/mcp", "javascript:alert(1)", false],
    ["https://mcp.example/mcp", "not a url", false],
  ])("from %s to %s: %s", async (endpoint, target, isAllowed) => {
    const web = await createWeb({ endpoint: new URL(endpoint), allowHttp: false });
    const check = (): URL => web.check(target, "It");
    if (isAllowed) expect(check().href).toContain(new URL(target).host);
    else expect(check).toThrow(/not an https address/);
  });

  it("in plain http are allowed by --allow-http", async () => {
    const web = await createWeb({ endpoint: ENDPOINT, allowHttp: true });
    expect(web.check("http://as.example", "It").protocol).toBe("http:");
  });
});
