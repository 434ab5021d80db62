/**
 * No secret anywhere. A gateway at its most talkative level goes through everything that handles secrets, and whatever was
 * secret on the wire is then looked for in its log, its events, its files and the command lines of its processes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { digest, randomToken } from "../../src/random.ts";
import { freePort } from "../support/bearer-proxy.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { bin } from "../support/gateway-process.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  basicAuth,
  post,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";
import { listenForSecrets, type WireSecrets } from "../support/wire-secrets.ts";

/** What the story needs of a gateway, in this process or another. */
type Place = Pick<TestGateway, "url" | "resource" | "stateDirectory">;

let secrets: WireSecrets;
beforeEach(() => {
  secrets = listenForSecrets();
});
afterEach(() => secrets.stop());

/** @param codes one-time login codes shown so far, where one is asked for */
async function logIn(place: Place, client: RawClient, codes: string[]): Promise<Fields> {
  const gateway = place as TestGateway;
  const browser = createFormBrowser();
  const verifier = randomToken();
  const fields = { code_challenge: digest(verifier), state: randomToken() };
  let page = await browser.open(authorizationUrl(gateway, client, fields));
  if (codes.length > 0) {
    page = await browser.press(page, /Continue/, { code: "WRNG-WRNG" });
    page = await browser.press(page, /Continue/, { code: codes.at(-1)! });
  } else page = await browser.press(page, /Continue/);
  page = await browser.press(page, /Allow/);
  const code = page.left!.searchParams.get("code")!;
  return {
    grant_type: "authorization_code",
    client_id: client.client_id,
    client_secret: client.client_secret,
    code,
    code_verifier: verifier,
    redirect_uri: client.redirect_uris[0],
  };
}

async function callTool(place: Place, token: string, path?: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const send = async (message: object, session: string | null): Promise<Response> => {
    const response = await ask(`${place.resource}${path ?? ""}`, {
      method: "POST",
      headers: { ...headers, ...(session !== null && { "mcp-session-id": session }) },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
    await response.text();
    return response;
  };
  const clientInfo = { name: "secrets", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const opened = await send({ id: 0, method: "initialize", params }, null);
  const session = opened.headers.get("mcp-session-id");
  await send({ method: "notifications/initialized" }, session);
  const call = { name: "echo", arguments: { message: "hello" } };
  await send({ id: 1, method: "tools/call", params: call }, session);
}

/** Everything that handles a secret, in good order and in every wrong one. */
async function story(
  place: Place,
  codes: string[],
  wait: (seconds: number) => void,
): Promise<void> {
  const gateway = place as TestGateway;
  const open = await registered(gateway, { client_name: "Public" });
  const closed = await registered(gateway, {
    client_name: "Confidential",
    token_endpoint_auth_method: "client_secret_post",
  });
  const all: Tokens[] = [];
  for (const client of [open, closed]) {
    const form = await logIn(place, client, codes);
    await requestToken(gateway, { ...form, code_verifier: randomToken() });
    const first = await tokensOf(await requestToken(gateway, form));
    const fields = { client_secret: client.client_secret };
    const again = refreshForm(client, first.refresh_token, fields);
    const second = await tokensOf(await requestToken(gateway, again));
    all.push(first, second);
    await callTool(place, second.access_token);
    await verify(place, second.access_token);
    await misplace(place, client, [
      ...Object.values(form),
      second.access_token,
      second.refresh_token,
    ]);
    await requestToken(gateway, again);
    wait(31);
    await requestToken(gateway, again); // reuse: the family ends
    await requestToken(gateway, form); // replay
    const third = await tokensOf(await requestToken(gateway, await logIn(place, client, codes)));
    await post(gateway, "/revoke", {
      client_id: client.client_id,
      ...fields,
      token: third.refresh_token,
    });
    all.push(third);
  }
  await overTheSocket(place, all.at(-1)!);
  await manage(open);
}

async function verify(place: Place, token: string): Promise<void> {
  const { host, pathname } = new URL(place.resource);
  for (const authorization of [`Bearer ${token}`, `Bearer ${token}x`, `bearer ${token} x`]) {
    const response = await ask(`${place.url}/verify`, {
      headers: {
        authorization,
        "x-forwarded-method": "POST",
        "x-forwarded-proto": "http",
        "x-forwarded-host": host,
        "x-forwarded-uri": `${pathname}?access_token=${token}`,
      },
    });
    await response.text();
  }
}

/** Secrets where they do not belong, as confused clients put them. */
async function misplace(
  place: Place,
  client: RawClient,
  values: (string | undefined)[],
): Promise<void> {
  const gateway = place as TestGateway;
  for (const secret of values.filter((value) => value !== undefined && value.length >= 43)) {
    const token = secret!;
    const json = { "content-type": "application/json" };
    const answers = [
      await ask(`${place.url}/nothing/${token}?code=${token}`),
      await ask(`${place.resource}?access_token=${token}`, { method: "POST" }),
      await ask(`${place.url}/authorize?client_id=${token}&state=${token}`),
      await ask(`${place.url}/callback/local?state=${token}&code=${token}`),
      await ask(`${place.url}/token?code=${token}`, { method: "PUT" }),
      await ask(`${place.url}/consent`, { headers: { cookie: `mcp-gateway=${token}` } }),
      await requestToken(gateway, JSON.stringify({ code: token }), json),
      await requestToken(gateway, { grant_type: token, client_id: client.client_id }),
      await requestToken(gateway, refreshForm(client, token, { scope: token })),
      await requestToken(gateway, { grant_type: "refresh_token" }, basicAuth(token, token)),
      await requestToken(gateway, { client_assertion: token, client_id: token }),
      await post(gateway, "/revoke", {
        client_id: client.client_id,
        token,
        token_type_hint: token,
      }),
      await post(gateway, "/introspect", { token }, { authorization: `Bearer ${token}` }),
      await post(gateway, "/register", `{"client_secret":"${token}`, json),
      await ask(`${place.url}/register/${client.client_id}`, {
        headers: { authorization: `Bearer ${token}` },
      }),
    ];
    for (const answer of answers) await answer.text();
  }
}

async function overTheSocket(place: Place, { access_token }: Tokens): Promise<void> {
  const control = connectControl(place.stateDirectory);
  const program = await control.registerClient({
    name: "Program",
    authMethod: "client_secret_basic",
    grantTypes: ["client_credentials"],
    services: ["echo"],
  });
  secrets.add("secret over the socket", program.clientSecret);
  const header = basicAuth(program.clientId, program.clientSecret!);
  const form = { grant_type: "client_credentials" };
  const own = await requestToken(place as TestGateway, form, header);
  await own.text();
  await control.status();
  await control.clients();
  await control.accessTokens();
  await control.accessToken(access_token).catch(() => undefined);
  await control.revokeAccessToken(access_token).catch(() => undefined);
  await control.rotateKeys({ emergency: false });
  await control.revokeClient(program.clientId);
}

/** RFC 7592: read, replace, and end. */
async function manage(client: RawClient): Promise<void> {
  const uri = client["registration_client_uri"];
  const token = client["registration_access_token"];
  if (typeof uri !== "string" || typeof token !== "string") throw new Error("not manageable");
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await (await ask(`${uri}?access_token=${token}`)).text();
  await (await ask(uri, { headers })).text();
  const { client_id, redirect_uris } = client;
  const body = JSON.stringify({ client_id, redirect_uris });
  await (await ask(uri, { method: "PUT", headers, body })).text();
  await (await ask(uri, { method: "DELETE", headers })).text();
}

/** All secrets that occur in `text`, with where they were seen. */
const leaksIn = (text: string): string[] =>
  [...secrets.seen].filter(([secret]) => text.includes(secret)).map(([, where]) => where);

/** Every file of the state directory by name. */
function filesIn(directory: string): [string, string][] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), "latin1")]);
}

function expectManySecrets(): void {
  const kinds = [...secrets.seen.values()].join("\n");
  for (const kind of [
    "access_token in JSON",
    "refresh_token in JSON",
    "client_secret in JSON",
    "registration_access_token in JSON",
    "code in a URL",
    "code_verifier in a form",
    "state in a URL",
    "csrf on a page",
    "cookie",
    "secret over the socket",
  ]) {
    expect(kinds).toContain(kind);
  }
}

it("leaves no secret in the log, the events or any file (SE-01, SE-02, ST-09, A30, SB19)", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mcpg-secrets-"));
  // Reachable from elsewhere, so that one-time codes are asked for.
  const config = { listen: { host: "0.0.0.0", port: 0 } };
  const gateway = await startGateway({ stateDirectory: directory, config, logLevel: "trace" });
  try {
    await story(gateway, gateway.codes.length > 0 ? gateway.codes : watched(gateway), (seconds) =>
      gateway.clock.advance(seconds),
    );
  } finally {
    await gateway.close();
  }
  for (const code of gateway.codes) secrets.add("one-time login code", code);
  expect(gateway.codes.length).toBeGreaterThan(3);
  expectManySecrets();

  const log = gateway.logged();
  expect(log.length).toBeGreaterThan(1000);
  expect(leaksIn(log)).toEqual([]);
  expect(leaksIn(JSON.stringify(gateway.events))).toEqual([]);
  const files = filesIn(directory);
  expect(files.map(([name]) => name)).toContain("audit.jsonl");
  for (const [name, text] of files)
    expect({ name, leaks: leaksIn(text) }).toEqual({ name, leaks: [] });
  // Each line is one JSON object, whatever strangers called themselves (SE-02).
  for (const line of log.trim().split("\n"))
    expect(() => JSON.parse(line) as unknown).not.toThrow();

  // The one exception is the private part of the signing keys: in the store, and nowhere else.
  const store = files.filter(([name]) => name.startsWith("gateway.json")).map(([, text]) => text);
  const [key] = [...new Set(store.join("").match(/"d":"[\w-]{43}"/g))];
  if (key !== undefined) {
    const audit = files.find(([name]) => name === "audit.jsonl")![1];
    expect(log + audit + JSON.stringify(gateway.events)).not.toContain(key.slice(5, -1));
  }
  rmSync(directory, { recursive: true });
});

/** The list fills as codes are shown; the story looks at its last one. */
function watched(gateway: TestGateway): string[] {
  return new Proxy(gateway.codes, {
    get: (target, name) =>
      name === "length" ? Math.max(1, target.length) : Reflect.get(target, name),
  });
}

it("leaves no secret on standard error or in command lines, as a process (SE-01, SE-04, A30)", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "mcpg-secrets-"));
  const port = await freePort();
  const command = JSON.stringify(process.execPath);
  const args = JSON.stringify([fixture("echo.js")]);
  writeFileSync(
    join(cwd, "mcp-gateway.yaml"),
    [
      `publicUrl: http://localhost:${port}`,
      `listen: { host: localhost, port: ${port} }`,
      `services: { echo: { command: ${command}, args: ${args}, permissions: all } }`,
      "log: { level: trace }",
      "",
    ].join("\n"),
  );
  const child = spawn(process.execPath, [bin, "serve"], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const gone = once(child, "exit");
  const url = `http://localhost:${port}`;
  const stateDirectory = join(cwd, ".mcp-gateway");
  const commandLines = new Set<string>();
  const look = setInterval(() => {
    for (const line of commandLinesBelow(child.pid!)) commandLines.add(line);
  }, 100);
  try {
    while (!(await fetch(`${url}/healthz`).catch(() => undefined))?.ok) {
      if (child.exitCode !== null) throw new Error(said);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await story({ url, resource: `${url}/echo/mcp`, stateDirectory }, [], () => undefined);
  } finally {
    clearInterval(look);
    child.kill("SIGTERM");
    await gone;
  }
  expectManySecrets();
  expect(said.length).toBeGreaterThan(100);
  expect(leaksIn(said)).toEqual([]);
  expect([...commandLines].join("\n")).toContain("echo.js");
  expect(leaksIn([...commandLines].join("\n"))).toEqual([]);
  for (const [name, text] of filesIn(stateDirectory))
    expect({ name, leaks: leaksIn(text) }).toEqual({ name, leaks: [] });
  rmSync(cwd, { recursive: true });
});

/** Command line and environment of a process and all below it. */
function commandLinesBelow(pid: number): string[] {
  try {
    const own = ["cmdline", "environ"].map((file) =>
      readFileSync(`/proc/${pid}/${file}`, "latin1").replaceAll("\0", " "),
    );
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    const below = children === "" ? [] : children.split(" ");
    return [...own, ...below.flatMap((child) => commandLinesBelow(Number(child)))];
  } catch {
    return []; // it has just ended
  }
}
