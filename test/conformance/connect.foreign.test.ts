/**
 * `connect` with a server of nobody we know: what it demands, forgets, gets wrong, and must not learn.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createHome, type ConnectProcess, type Home } from "../support/connect-process.ts";
import { startForeign, type Foreign } from "../support/foreign-server.ts";

async function opened(
  flags: string[] = [],
): Promise<{ foreign: Foreign; home: Home; host: ConnectProcess }> {
  const foreign = await startForeign();
  const home = createHome();
  const host = home.spawn(foreign.url, flags);
  await host.open();
  return { foreign, home, host };
}

const stored = (home: Home): { file: string; text: string } => {
  const name = readdirSync(home.directory).find((entry) => entry.endsWith(".json"));
  const file = join(home.directory, name!);
  return { file, text: readFileSync(file, "utf8") };
};

describe("rights", () => {
  it("are widened once, by everything asked for so far and what is needed now", async () => {
    const { foreign, home, host } = await opened();
    expect(foreign.scope).toBe("basic");
    foreign.wants = { erase: "admin" };
    expect((await host.request(1, "tools/call", { name: "erase" })).result).toBeDefined();
    expect(foreign.scope).toBe("basic admin");
    expect(foreign.asked["/register"]).toBe(1);
    expect(home.pages).toHaveLength(2);
  });

  it("that were asked for and not given are an error, not another login", async () => {
    const { foreign, home, host } = await opened();
    foreign.wants = { erase: "basic" };
    // The token says less than what was asked for: the same scopes are not asked for again.
    for (const held of foreign.refreshTokens.values()) held.scope = "nothing";
    foreign.expire();
    const { error } = await host.request(1, "tools/call", { name: "erase" });
    expect(error.message).toContain("wants more rights (basic)");
    expect(home.pages).toHaveLength(1);
  });
});

describe("what a server forgets", () => {
  it("a client: registered again, with one more login", async () => {
    const { foreign, home, host } = await opened();
    foreign.forgetClients();
    foreign.expire();
    expect((await host.request(1, "tools/call", { name: "a" })).result).toBeDefined();
    expect(foreign.asked["/register"]).toBe(2);
    expect(home.pages).toHaveLength(2);
  });

  it("a refresh token: one more login by the same client", async () => {
    const { foreign, home, host } = await opened();
    foreign.refreshTokens.clear();
    foreign.expire();
    expect((await host.request(1, "tools/call", { name: "a" })).result).toBeDefined();
    expect(foreign.asked["/register"]).toBe(1);
    expect(home.pages).toHaveLength(2);
  });

  it("a session: another is opened and the call is made once", async () => {
    const { foreign, host } = await opened();
    foreign.forgetSessions();
    expect((await host.request(1, "tools/call", { name: "a" })).result).toBeDefined();
    expect((await host.request(2, "tools/call", { name: "b" })).result).toBeDefined();
    expect(foreign.calls).toEqual(["a", "b"]);
    expect(host.lines).toHaveLength(3);
  });
});

describe("a server that cannot be trusted", () => {
  const refused = async (bend: (foreign: Foreign) => void): Promise<string> => {
    const foreign = await startForeign();
    bend(foreign);
    const home = createHome();
    const host = home.spawn(foreign.url);
    const { error } = await host.request(1, "initialize", {});
    expect(home.pages).toEqual([]);
    expect(foreign.asked["/register"]).toBeUndefined();
    expect(host.stderr()).toContain(error.message.split(". ")[0]);
    return error.message;
  };

  it.each<[string, (foreign: Foreign) => void, RegExp]>([
    [
      "names another resource (RFC 9728 §3.3)",
      (foreign) => (foreign.resourceMetadata = { resource: "https://bank.example/mcp" }),
      /says that it is https:\/\/bank\.example\/mcp/,
    ],
    [
      "has metadata of another issuer (RFC 8414 §3.3)",
      (foreign) => (foreign.metadata = { issuer: "https://other.example" }),
      /metadata of another issuer/,
    ],
    [
      "offers no PKCE",
      (foreign) => (foreign.metadata = { code_challenge_methods_supported: undefined }),
      /does not offer PKCE/,
    ],
    [
      "has a login page that is no web address",
      (foreign) => (foreign.metadata = { authorization_endpoint: "file:///etc/passwd?$(id)" }),
      /is not an https address/,
    ],
    [
      "leads to plain http elsewhere",
      (foreign) => (foreign.metadata = { token_endpoint: "http://collector.example/token" }),
      /is not an https address/,
    ],
    [
      "lets nobody register",
      (foreign) => (foreign.metadata = { registration_endpoint: undefined }),
      /does not let programs register/,
    ],
  ])("%s", async (_what, bend, expected) => {
    expect(await refused(bend)).toMatch(expected);
  });

  it("answers the login as another issuer (RFC 9207)", async () => {
    const foreign = await startForeign();
    const home = createHome();
    home.person = async (page) => {
      const { searchParams } = new URL(page);
      const back = new URL(searchParams.get("redirect_uri")!);
      const state = searchParams.get("state")!;
      // Wrong state first: whoever guesses at the port is not heard.
      back.search = new URLSearchParams({ code: "x", state: "guess" }).toString();
      expect((await fetch(back)).status).toBe(404);
      back.search = new URLSearchParams({
        code: "x",
        state,
        iss: "https://evil.example",
      }).toString();
      await fetch(back);
    };
    const host = home.spawn(foreign.url);
    expect((await host.request(1, "initialize", {})).error.message).toMatch(/iss/);
    expect(foreign.asked["/token"]).toBeUndefined();
  });

  it("never gets the tokens of another issuer, though its address is the same", async () => {
    const { foreign, home, host } = await opened();
    await host.end();
    const { file, text } = stored(home);
    const other = text.replaceAll(`"issuer":"${foreign.origin}"`, '"issuer":"http://127.0.0.1:9"');
    writeFileSync(file, other);
    foreign.expire();
    const second = home.spawn(foreign.url);
    const { error } = await second.request(1, "initialize", {});
    expect(error.message).toMatch(/127\.0\.0\.1:9/);
    expect(foreign.asked["refresh_token"]).toBeUndefined();
  });
});

describe("a host is never left waiting", () => {
  it("gets an error for each call when the server goes away, and the process goes on", async () => {
    const { foreign, host } = await opened();
    foreign.routes["/mcp"] = (request) => void request.socket.destroy();
    const { error } = await host.request(1, "tools/call", { name: "a" });
    expect(error.message).toMatch(/closed the connection/);
    delete foreign.routes["/mcp"];
    expect((await host.request(2, "tools/call", { name: "b" })).result).toBeDefined();
    expect(await host.end()).toBe(0);
  });

  it("hears that a line was no JSON, and that a message was none", async () => {
    const { host } = await opened();
    host.child.stdin!.write("hello\n");
    host.send({ id: 5, jsonrpc: "1.0" });
    expect((await host.answer(5)).error.code).toBe(-32600);
    expect(host.lines.some((line) => line.includes("-32700"))).toBe(true);
  });

  it("hears that an address is no server", async () => {
    const server = createServer((_request, response) => response.writeHead(500).end("<html>"));
    server.listen(0, "127.0.0.1");
    await new Promise((fulfil) => server.once("listening", fulfil));
    const { port } = server.address() as { port: number };
    const host = createHome().spawn(`http://127.0.0.1:${port}/`);
    expect((await host.request(1, "initialize", {})).error.message).toMatch(/status 500/);
    expect(await host.end()).toBe(0);
    server.close();
  });
});

describe("secrets and streams", () => {
  it("stay where they belong under --verbose, and 5 MB pass both ways", async () => {
    const { foreign, home, host } = await opened(["--verbose", "--header", "X-Team: blue"]);
    const big = "ü".repeat(2_500_000);
    const { result } = await host.request(1, "tools/call", { name: "a", arguments: { big } });
    expect(result.content[0].text).toContain(big);
    foreign.expire();
    await host.request(2, "tools/call", { name: "b" });
    expect(await host.end()).toBe(0);
    for (const line of host.lines) expect(JSON.parse(line)).toHaveProperty("jsonrpc");
    const { credentials } = JSON.parse(stored(home).text);
    expect(credentials.tokens.refreshToken).toMatch(/secret/);
    // Every secret of this server has the word in it; ids of clients and sessions, too.
    const shown = host.stderr().replaceAll(/client_id=[^&]*/g, "");
    expect(shown).not.toMatch(/secret/);
    expect(shown).toMatch(/POST tools\/call 401/);
  });

  it("end at SIGTERM with the session, and at the end of nobody's output", async () => {
    const { foreign, host } = await opened();
    host.child.kill("SIGTERM");
    await expect.poll(() => host.child.exitCode, { timeout: 10_000 }).toBe(0);
    const second = createHome().spawn(foreign.url);
    await second.open();
    second.child.stdout!.destroy();
    second.send({ id: 9, method: "tools/call", params: { name: "x" } });
    await expect.poll(() => second.child.exitCode, { timeout: 10_000 }).toBe(0);
  });

  it("takes an Authorization header of the person's own in place of OAuth", async () => {
    const foreign = await startForeign();
    const home = createHome();
    home.env["KEY"] = "Bearer made-up";
    const host = home.spawn(foreign.url, ["--header-env", "Authorization=KEY"]);
    expect((await host.request(1, "initialize", {})).error.message).toMatch(/401/);
    expect(foreign.asked["/register"]).toBeUndefined();
  });
});
