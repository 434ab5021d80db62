/** The token endpoint as a stranger sees it: RFC 6749 §2.3, §3.2, §4.1.3, §5. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  basicAuth,
  errorOf,
  obtainCode,
  obtainTokens,
  opens,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
});
afterAll(() => gateway.close());

const secretOf = ({ client_id, client_secret = "" }: RawClient): Fields => ({
  client_id,
  client_secret,
});
const token = (fields: Fields | string, headers?: Record<string, string>): Promise<Response> =>
  requestToken(gateway, fields, headers);

describe("a successful answer, RFC 6749 §5.1", () => {
  it("has everything a client needs, and is not cached (TK-16, A15)", async () => {
    const { form } = await obtainCode(gateway, client, { scope: "mcp offline_access openid" });
    const response = await token(form);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: "Bearer",
      expires_in: 3600,
      scope: "mcp offline_access",
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  it("has no refresh token for a client that did not register the grant type (TK-05)", async () => {
    const plain = await registered(gateway, { grant_types: ["authorization_code"] });
    const tokens = await obtainTokens(gateway, plain);
    expect(tokens).not.toHaveProperty("refresh_token");
    const refresh = refreshForm(plain, "x".repeat(43));
    expect(await errorOf(await token(refresh))).toBe("400 unauthorized_client");
  });
});

describe("an authorization code, RFC 6749 §4.1.2 and §4.1.3", () => {
  it("ends its grant when it comes a second time from its rightful holder (CD-06, A07)", async () => {
    const { form } = await obtainCode(gateway, client);
    const tokens = await tokensOf(await token(form));
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    expect(await errorOf(await token(form))).toBe("400 invalid_grant");
    expect(await opens(gateway, tokens.access_token)).toBe(false);
    expect(await errorOf(await token(refreshForm(client, tokens.refresh_token)))).toBe(
      "400 invalid_grant",
    );
    const ends = gateway.events.filter(
      (event) => event.type === "grant.ended" && event.reason === "code reused",
    );
    expect(ends).toHaveLength(1);
  });

  it("does so even hours later", async () => {
    const { form } = await obtainCode(gateway, client);
    const { refresh_token } = await tokensOf(await token(form));
    gateway.clock.advance(7200);
    await errorOf(await token(form));
    expect(await errorOf(await token(refreshForm(client, refresh_token)))).toBe(
      "400 invalid_grant",
    );
  });

  it.each<[string, Fields, string]>([
    ["another client", { client_id: "OTHER" }, "400 invalid_grant"],
    ["a wrong verifier", { code_verifier: "w".repeat(43) }, "400 invalid_grant"],
    ["no verifier", { code_verifier: undefined }, "400 invalid_request"],
    [
      "a wrong redirect_uri",
      { redirect_uri: "http://127.0.0.1:49153/callback" },
      "400 invalid_grant",
    ],
    ["no redirect_uri though one was sent", { redirect_uri: undefined }, "400 invalid_grant"],
    ["another resource", { resource: "https://elsewhere.example/mcp" }, "400 invalid_target"],
  ])(
    "is neither used up nor harmed by %s, before or after its use (CD-02, CD-03, CD-04, CD-07, A08)",
    async (_, wrong, error) => {
      const other = await registered(gateway);
      const fields = wrong["client_id"] === "OTHER" ? { client_id: other.client_id } : wrong;
      const { form } = await obtainCode(gateway, client);
      expect(await errorOf(await token({ ...form, ...fields }))).toBe(error);
      const tokens = await tokensOf(await token(form));
      expect(await errorOf(await token({ ...form, ...fields }))).toBe(error);
      expect(await opens(gateway, tokens.access_token)).toBe(true);
    },
  );

  it("yields tokens exactly once to 50 who come at the same time, and the replays end the grant (CD-08)", async () => {
    const { form } = await obtainCode(gateway, client);
    const answers = await Promise.all(Array.from({ length: 50 }, () => token(form)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(49);
    expect(await opens(gateway, (await tokensOf(won[0]!)).access_token)).toBe(false);
  });

  it("expires after 60 seconds (CD-09)", async () => {
    const { form } = await obtainCode(gateway, client);
    gateway.clock.advance(61);
    expect(await errorOf(await token(form))).toBe("400 invalid_grant");
  });

  it.each(["x", "__proto__", "constructor", "../../x", "\0", "y".repeat(10_000)])(
    "is not %j (CD-10)",
    async (code) => {
      const { form } = await obtainCode(gateway, client);
      expect(await errorOf(await token({ ...form, code }))).toBe("400 invalid_grant");
    },
  );

  it("cannot be widened by a scope at the exchange (CD-12)", async () => {
    const { form } = await obtainCode(gateway, client, { scope: "mcp" });
    const { scope } = await tokensOf(await token({ ...form, scope: "mcp offline_access" }));
    expect(scope).toBe("mcp");
  });
});

describe("client authentication, RFC 6749 §2.3", () => {
  let basic: RawClient;
  let posting: RawClient;
  const form = { grant_type: "refresh_token", refresh_token: "r" };

  beforeAll(async () => {
    basic = await registered(gateway, { token_endpoint_auth_method: "client_secret_basic" });
    posting = await registered(gateway, { token_endpoint_auth_method: "client_secret_post" });
  });

  it("succeeds by the registered method", async () => {
    expect(await errorOf(await token(form, basicAuth(basic.client_id, basic.client_secret!)))).toBe(
      "400 invalid_grant",
    );
    expect(await errorOf(await token({ ...form, ...secretOf(posting) }))).toBe("400 invalid_grant");
    expect(await errorOf(await token({ ...form, client_id: client.client_id }))).toBe(
      "400 invalid_grant",
    );
  });

  it("fails by any other, and unknown client, wrong secret and wrong method look the same (TK-06, TK-07, TK-12, A16)", async () => {
    const answers = await Promise.all([
      token({ ...form, client_id: "unknown", client_secret: "s" }),
      token({ ...form, client_id: posting.client_id, client_secret: "wrong" }),
      token({ ...form, client_id: posting.client_id }),
      token({ ...form, ...secretOf(basic) }),
      token({ ...form, client_id: client.client_id, client_secret: "any" }),
      token(form),
      token({
        ...form,
        client_id: client.client_id,
        client_assertion: "eyJ",
        client_assertion_type: "x",
      }),
    ]);
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(bodies).size).toBe(1);
    expect(JSON.parse(bodies[0]!)).toMatchObject({ error: "invalid_client" });
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(answers.some(({ headers }) => headers.has("www-authenticate"))).toBe(false);
  });

  it("fails with a Basic challenge when the Authorization header was used (§5.2, TK-06, TK-09)", async () => {
    for (const header of [
      basicAuth(basic.client_id, "wrong"),
      basicAuth(posting.client_id, posting.client_secret!),
      basicAuth(client.client_id, ""),
      { authorization: "Basic" },
      { authorization: "Basic !" },
      { authorization: `Basic ${Buffer.from("no colon").toString("base64")}` },
      { authorization: `Basic ${Buffer.from("a:%zz").toString("base64")}` },
      { authorization: `Basic ${"A".repeat(8000)}` },
      { authorization: "Bearer x" },
    ]) {
      const response = await token(form, header);
      expect(response.headers.get("www-authenticate")).toMatch(/^Basic realm="/);
      expect(await errorOf(response)).toBe("401 invalid_client");
    }
  });

  it("reads the scheme in any case, and id and secret form-encoded (TK-09, TK-10)", async () => {
    const encoded = Array.from(basic.client_secret!)
      .map((c) => `%${c.charCodeAt(0).toString(16)}`)
      .join("");
    const { authorization = "" } = basicAuth(basic.client_id, encoded);
    const header = { authorization: authorization.replace("Basic", "bAsIc") };
    expect(await errorOf(await token(form, header))).toBe("400 invalid_grant");
  });

  it("in two ways at once, or under two names, is invalid_request (TK-08)", async () => {
    const header = basicAuth(basic.client_id, basic.client_secret!);
    for (const fields of [
      secretOf(basic),
      { client_assertion: "eyJ" },
      { client_id: client.client_id },
    ]) {
      expect(await errorOf(await token({ ...form, ...fields }, header))).toBe(
        "400 invalid_request",
      );
    }
  });
});

describe("the request, RFC 6749 §3.2", () => {
  it.each(["GET", "PUT", "DELETE", "PATCH"])("is not %s (TK-01)", async (method) => {
    const response = await ask(`${gateway.url}/token`, { method });
    expect(response.headers.get("allow")).toBe("POST");
    expect(await errorOf(response)).toBe("405 invalid_request");
  });

  it("has its parameters in the body; those in the URL are not read (TK-01)", async () => {
    const query = `grant_type=refresh_token&client_id=${client.client_id}&refresh_token=x`;
    const response = await requestToken(gateway, "", {}).then(() =>
      ask(`${gateway.url}/token?${query}`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      }),
    );
    expect(await errorOf(response)).toBe("401 invalid_client");
  });

  it.each([
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json, application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded, application/json",
    "application/x-www-form-urlencoded; charset=utf-7",
    "application/x-www-form-urlencoded; charset=iso-8859-1",
  ])("is not %s (TK-02)", async (type) => {
    const body = `grant_type=refresh_token&client_id=${client.client_id}&refresh_token=x`;
    expect(await errorOf(await token(body, { "content-type": type }))).toBe("400 invalid_request");
  });

  it("may say that it is UTF-8", async () => {
    const type = "Application/X-WWW-Form-Urlencoded;charset=UTF-8";
    const form = refreshForm(client, "x");
    expect(await errorOf(await token(form, { "content-type": type }))).toBe("400 invalid_grant");
  });

  it.each(["grant_type", "refresh_token", "client_id", "client_secret", "scope", "unknown"])(
    "does not have two %s (TK-03)",
    async (name) => {
      const form = `grant_type=refresh_token&refresh_token=x&client_id=${client.client_id}`;
      expect(await errorOf(await token(`${form}&${name}=1&${name}=2`))).toBe("400 invalid_request");
    },
  );

  it("treats an empty parameter as omitted (TK-17)", async () => {
    const { form } = await obtainCode(gateway, client);
    await tokensOf(await token({ ...form, client_secret: "", resource: "", scope: "" }));
  });

  it("names a grant type that exists", async () => {
    const client_id = client.client_id;
    expect(await errorOf(await token({ client_id }))).toBe("400 invalid_request");
    for (const grant_type of ["password", "implicit", "__proto__", "toString"]) {
      expect(await errorOf(await token({ client_id, grant_type }))).toBe(
        "400 unsupported_grant_type",
      );
    }
  });

  it("is bounded, and never decompressed (TK-19, TK-20)", async () => {
    const form = `client_id=${client.client_id}&grant_type=refresh_token`;
    expect(await errorOf(await token(`${form}&x=${"y".repeat(1_000_000)}`))).toBe(
      "413 invalid_request",
    );
    const many = Array.from({ length: 5000 }, (_, index) => `&p${index}=1`).join("");
    expect((await token(`${form}${many}`)).status).toBeGreaterThanOrEqual(400);
    expect(await errorOf(await token(form, { "content-encoding": "gzip" }))).toBe(
      "415 invalid_request",
    );
    expect(await errorOf(await token(`${form}&x=%ff`))).toBe("400 invalid_request");
    expect(await errorOf(await token(`${form}&a[b][c]=1&__proto__[x]=1`))).toBe(
      "400 invalid_request",
    );
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it("leaves no secret in the log", async () => {
    const { code, verifier, form } = await obtainCode(gateway, client);
    const tokens = await tokensOf(await token(form));
    await errorOf(await token(form));
    for (const secret of [code, verifier, tokens.access_token, tokens.refresh_token]) {
      expect(gateway.logged()).not.toContain(secret);
      expect(JSON.stringify(gateway.events)).not.toContain(secret);
    }
  });
});

describe("an unknown path", () => {
  it("is a JSON 404 that a browser's client may read", async () => {
    const response = await ask(`${gateway.url}/no/such/path`);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await errorOf(response)).toBe("404 invalid_request");
  });
});
