/** Dynamic client registration as a stranger sees it: RFC 7591, RFC 8252, RFC 9700 §2.1. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { jsonOf, ask, errorOf, LOOPBACK, register, registered } from "../support/raw-client.ts";

let gateway: TestGateway;
const WEB = "https://app.example.com/cb";

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const answer = async (metadata: unknown): Promise<Record<string, unknown>> => {
  const response = await register(gateway, metadata);
  expect(response.status).toBe(201);
  return await jsonOf<Record<string, unknown>>(response);
};

describe("a registration, RFC 7591 §3.2.1", () => {
  it("is answered with 201, no-store, and everything that took effect (RG-23, A17)", async () => {
    const response = await register(gateway, {
      redirect_uris: [WEB],
      client_name: "An app",
      client_uri: "https://app.example.com",
      scope: "mcp openid",
      contacts: ["ops@app.example.com"],
      software_id: "app",
      software_version: "1.2",
      application_type: "web",
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["authorization_code", "refresh_token", "implicit"],
      response_types: ["code", "token"],
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.json()).toEqual({
      client_id: expect.stringMatching(/^[\w-]{22,}$/),
      client_id_issued_at: expect.any(Number),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
      registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
      registration_client_uri: expect.stringMatching(/\/register\/[\w-]{22}$/),
      redirect_uris: [WEB],
      client_name: "An app",
      client_uri: "https://app.example.com",
      scope: "mcp",
      contacts: ["ops@app.example.com"],
      software_id: "app",
      software_version: "1.2",
      application_type: "web",
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
  });

  it("of a public client has no secret and no expiry of one", async () => {
    const client = await answer({ redirect_uris: [LOOPBACK], token_endpoint_auth_method: "none" });
    expect(client).not.toHaveProperty("client_secret");
    expect(client).not.toHaveProperty("client_secret_expires_at");
    expect(client["grant_types"]).toEqual(["authorization_code", "refresh_token"]);
  });

  it.each([
    [[WEB], undefined, "client_secret_basic", "web"],
    [[WEB, LOOPBACK], undefined, "client_secret_basic", "web"],
    [[LOOPBACK], undefined, "none", "native"],
    [["cursor://anysphere.cursor-mcp/oauth/callback"], undefined, "none", "native"],
    [[WEB], "native", "none", "native"],
  ])(
    "of %j, application_type %s, that leaves out its method gets %s",
    async (redirect_uris, type, method, effective) => {
      const client = await answer({ redirect_uris, application_type: type });
      expect(client["token_endpoint_auth_method"]).toBe(method);
      expect(client["application_type"]).toBe(effective);
      expect("client_secret" in client).toBe(method !== "none");
    },
  );

  it("makes a new client every time", async () => {
    const ids = await Promise.all(
      Array.from({ length: 5 }, async () => (await registered(gateway)).client_id),
    );
    expect(new Set(ids).size).toBe(5);
  });

  it("ignores what it does not know and what belongs to the server (RG-11, RG-12, RG-13, RG-18)", async () => {
    const client = await answer(
      `{"redirect_uris":["${LOOPBACK}"],"client_id":"mine","client_secret":"mine","client_id_issued_at":1,
        "registration_access_token":"mine","skip_consent":true,"trusted":true,"unknown":{"a":[1]},
        "software_statement":"eyJhbGciOiJub25lIn0.e30.","__proto__":{"x":1},"constructor":1,"toString":2,
        "client_uri":null}`,
    );
    expect(Object.keys(client).toSorted()).toEqual([
      "application_type",
      "client_id",
      "client_id_issued_at",
      "grant_types",
      "redirect_uris",
      "registration_access_token",
      "registration_client_uri",
      "response_types",
      "token_endpoint_auth_method",
    ]);
    expect(client["client_id"]).not.toBe("mine");
    expect(client["registration_access_token"]).not.toBe("mine");
  });

  it("reduces scopes instead of refusing them (RG-19)", async () => {
    expect((await answer({ redirect_uris: [WEB], scope: "mcp offline_access x" }))["scope"]).toBe(
      "mcp offline_access",
    );
    expect(await answer({ redirect_uris: [WEB], scope: "openid" })).not.toHaveProperty("scope");
  });

  it("cleans the name: 80 characters, no control and no bidirectional ones (RG-17)", async () => {
    const client_name = `  A\r\n\u0000b\u202Eevil\u2066 \u200B<script>${"x".repeat(10_000)}`;
    const name = String((await answer({ redirect_uris: [WEB], client_name }))["client_name"]);
    expect(name).toHaveLength(80);
    expect(name).toMatch(/^A bevil <script>x+$/);
    expect(await answer({ redirect_uris: [WEB], client_name: "\u202E \n" })).not.toHaveProperty(
      "client_name",
    );
  });

  it.each([
    "http://a.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://u:p@a.example",
    'https://a.example/"><script>',
    "",
  ])("leaves out an informational URI such as %j (RG-16)", async (uri) => {
    const client = await answer({
      redirect_uris: [WEB],
      client_uri: uri,
      logo_uri: uri,
      tos_uri: uri,
      policy_uri: uri,
    });
    expect(
      Object.keys(client).filter((name) => /^(client|logo|tos|policy)_uri$/.test(name)),
    ).toEqual([]);
  });

  it("keeps good redirect URIs when others are bad, and says which", async () => {
    const client = await answer({
      redirect_uris: [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "http://evil.example/cb",
        LOOPBACK,
      ],
    });
    expect(client["redirect_uris"]).toEqual([
      "cursor://anysphere.cursor-mcp/oauth/callback",
      LOOPBACK,
    ]);
    expect(client["redirect_uris_rejected"]).toEqual([
      { redirect_uri: "http://evil.example/cb", reason: expect.stringContaining("https") },
    ]);
  });

  it("tells the event bus", async () => {
    const client = await registered(gateway, { client_name: "Told" });
    expect(gateway.events).toContainEqual(
      expect.objectContaining({
        type: "client.registered",
        clientId: client.client_id,
        clientName: "Told",
        via: "registration",
      }),
    );
  });
});

describe("a refused registration, RFC 7591 §3.2.2", () => {
  it.each<[string, unknown, string]>([
    ["no redirect_uris (RG-01)", {}, "invalid_redirect_uri"],
    ["none in the list", { redirect_uris: [] }, "invalid_redirect_uri"],
    ["a string", { redirect_uris: WEB }, "invalid_redirect_uri"],
    ["a number in the list", { redirect_uris: [1] }, "invalid_redirect_uri"],
    ["null in the list", { redirect_uris: [null] }, "invalid_redirect_uri"],
    [
      "eleven (RG-09)",
      { redirect_uris: Array.from({ length: 11 }, (_, i) => `${WEB}/${i}`) },
      "invalid_redirect_uri",
    ],
    [
      "only bad ones",
      { redirect_uris: ["javascript:alert(1)", "http://evil.example/cb"] },
      "invalid_redirect_uri",
    ],
    ["a fragment (RG-03)", { redirect_uris: [`${WEB}#`] }, "invalid_redirect_uri"],
    ["2 KB of URI", { redirect_uris: [`${WEB}/${"x".repeat(2048)}`] }, "invalid_redirect_uri"],
    [
      "private_key_jwt without keys (RG-15)",
      { redirect_uris: [WEB], token_endpoint_auth_method: "private_key_jwt" },
      "invalid_client_metadata",
    ],
    [
      "no usable grant type",
      { redirect_uris: [WEB], grant_types: ["client_credentials"] },
      "invalid_client_metadata",
    ],
    [
      "no usable response type",
      { redirect_uris: [WEB], response_types: ["token"] },
      "invalid_client_metadata",
    ],
    [
      "a name that is an object",
      { redirect_uris: [WEB], client_name: {} },
      "invalid_client_metadata",
    ],
    ["a scope that is a list", { redirect_uris: [WEB], scope: ["mcp"] }, "invalid_client_metadata"],
    [
      "an unknown application_type",
      { redirect_uris: [WEB], application_type: "x" },
      "invalid_client_metadata",
    ],
    ["a list", [WEB], "invalid_client_metadata"],
    ["null", null, "invalid_client_metadata"],
    ["a number", 1, "invalid_client_metadata"],
    ["no JSON", "{", "invalid_client_metadata"],
    ["nothing", "", "invalid_client_metadata"],
    ["depth without end", "[".repeat(60_000), "invalid_client_metadata"],
    [
      "depth with an end (RG-10)",
      `{"redirect_uris":["${WEB}"],"client_name":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
      "invalid_client_metadata",
    ],
  ])("%s", async (_, body, error) => {
    expect(await errorOf(await register(gateway, body))).toBe(`400 ${error}`);
  });

  it("too large, compressed, of another type or not UTF-8 (RG-10)", async () => {
    const json = JSON.stringify({ redirect_uris: [WEB] });
    const type = { "content-type": "application/json" };
    expect(
      await errorOf(await register(gateway, { redirect_uris: [WEB], x: "y".repeat(65_536) })),
    ).toBe("413 invalid_request");
    expect(
      await errorOf(await register(gateway, json, { ...type, "content-encoding": "gzip" })),
    ).toBe("415 invalid_request");
    for (const other of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json, text/plain",
      "application/json;charset=utf-16",
    ]) {
      expect(await errorOf(await register(gateway, json, { "content-type": other }))).toBe(
        "400 invalid_client_metadata",
      );
    }
    const bytes = Buffer.concat([
      Buffer.from(`{"redirect_uris":["${WEB}"],"client_name":"`),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    const response = await ask(`${gateway.url}/register`, {
      method: "POST",
      headers: type,
      body: bytes,
    });
    expect(await errorOf(response)).toBe("400 invalid_client_metadata");
  });

  it("anything but POST; a preflight passes without credentials (RG-25)", async () => {
    const get = await ask(`${gateway.url}/register`);
    expect(get.headers.get("allow")).toBe("POST");
    expect(await errorOf(get)).toBe("405 invalid_request");
    const preflight = await ask(`${gateway.url}/register`, {
      method: "OPTIONS",
      headers: {
        origin: "http://localhost:6274",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    expect(preflight.headers.has("access-control-allow-credentials")).toBe(false);
  });

  it("with a malformed Authorization header as if there were none", async () => {
    const headers = { "content-type": "application/json", authorization: "Bearer" };
    const response = await register(gateway, { redirect_uris: [WEB] }, headers);
    expect(response.status).toBe(201);
  });
});
