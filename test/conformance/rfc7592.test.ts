/** Client configuration endpoint as a stranger and as its owner see it: RFC 7592, rows RM-* and A17. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { registerByCommand } from "../support/operator.ts";
import {
  ask,
  errorOf,
  jsonOf,
  LOOPBACK,
  obtainCode,
  obtainTokens,
  opens,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
} from "../support/raw-client.ts";

interface Managed extends RawClient {
  registration_access_token: string;
  registration_client_uri: string;
}

const WEB = "https://app.example.com/cb";
let gateway: TestGateway;
let client: Managed;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  client = await managed({ redirect_uris: [LOOPBACK], client_name: "An app" });
});

const managed = async (metadata: Record<string, unknown>): Promise<Managed> =>
  (await registered(gateway, metadata)) as Managed;

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

const manage = (
  method: string,
  of: Pick<Managed, "registration_client_uri" | "registration_access_token">,
  body?: unknown,
): Promise<Response> =>
  ask(of.registration_client_uri, {
    method,
    headers: {
      ...bearer(of.registration_access_token),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

/** What a PUT sends: the registration without what belongs to the server. */
const own = ({
  registration_access_token: _token,
  registration_client_uri: _uri,
  client_id_issued_at: _issued,
  client_secret_expires_at: _expires,
  ...rest
}: Managed): Record<string, unknown> => rest;

describe("a registration that can be managed, RFC 7592 §3", () => {
  it("comes with a token of 256 bits and the place to use it (A17)", () => {
    expect(client.registration_access_token).toMatch(/^[\w-]{43}$/);
    expect(client.registration_client_uri).toBe(`${gateway.url}/register/${client.client_id}`);
  });

  it("keeps no token in the log", () => {
    expect(gateway.logged()).not.toContain(client.registration_access_token);
  });
});

describe("GET, RFC 7592 §2.1", () => {
  it("answers with everything that took effect, and with no secret but the one presented", async () => {
    const confidential = await managed({ redirect_uris: [WEB], scope: "mcp" });
    const response = await manage("GET", confidential);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const { client_secret: _secret, client_secret_expires_at: _expires, ...rest } = confidential;
    expect(await response.json()).toEqual(rest);
  });
});

describe("who may not, RFC 7592 §2", () => {
  const refusal = async (response: Response): Promise<string> => {
    expect(response.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    return errorOf(response);
  };

  it.each(["GET", "PUT", "DELETE"])(
    "%s without the token, or with another (RM-10)",
    async (method) => {
      const other = await managed({ redirect_uris: [LOOPBACK] });
      const tokens = await obtainTokens(gateway, client);
      const uri = client.registration_client_uri;
      const secrets = [
        other.registration_access_token,
        tokens.access_token,
        tokens.refresh_token,
        "x",
      ];
      for (const headers of [{}, ...secrets.map(bearer), { authorization: "Basic eDp5" }]) {
        expect(await refusal(await ask(uri, { method, headers }))).toBe("401 invalid_token");
      }
      expect((await manage("GET", client)).status).toBe(200);
    },
  );

  it("an unknown client and a wrong token get one answer", async () => {
    const texts = await Promise.all(
      [client.registration_client_uri, `${gateway.url}/register/${"A".repeat(22)}`].map(
        async (uri) => {
          const response = await ask(uri, { headers: bearer("A".repeat(43)) });
          const headers = [...response.headers].filter(([name]) => name !== "date");
          return JSON.stringify([response.status, headers, await response.text()]);
        },
      ),
    );
    expect(texts[0]).toBe(texts[1]);
  });

  it("the token anywhere but in the header (RM-02)", async () => {
    const token = client.registration_access_token;
    const uri = client.registration_client_uri;
    expect(await refusal(await ask(`${uri}?access_token=${token}`))).toBe("401 invalid_token");
    const form = {
      method: "PUT",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: `access_token=${token}`,
    };
    expect(await refusal(await ask(uri, form))).toBe("401 invalid_token");
    expect((await ask(uri, { method: "POST", body: "" })).status).toBe(405);
  });

  it("a client that an operator registered is not managed here (RM-12)", async () => {
    const { clientId } = await registerByCommand(gateway, { redirectUris: [LOOPBACK] });
    const uri = `${gateway.url}/register/${clientId}`;
    for (const method of ["GET", "PUT", "DELETE"]) {
      const headers = bearer(client.registration_access_token);
      expect(await errorOf(await ask(uri, { method, headers }))).toBe("403 access_denied");
      expect(await refusal(await ask(uri, { method }))).toBe("401 invalid_token");
    }
  });

  it("its own token opens no resource and no verification (RM-10)", async () => {
    expect(await opens(gateway, client.registration_access_token)).toBe(false);
    const { host } = new URL(gateway.url);
    const response = await ask(`${gateway.url}/verify`, {
      headers: {
        ...bearer(client.registration_access_token),
        "x-forwarded-method": "POST",
        "x-forwarded-proto": "http",
        "x-forwarded-host": host,
        "x-forwarded-uri": new URL(gateway.resource).pathname,
      },
    });
    expect(response.status).toBe(401);
  });
});

describe("PUT, RFC 7592 §2.2", () => {
  it("replaces everything: what is left out is gone (RM-05)", async () => {
    const response = await manage("PUT", client, {
      client_id: client.client_id,
      redirect_uris: [WEB],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
    });
    expect(response.status).toBe(200);
    const updated = await jsonOf<Managed>(response);
    expect(updated).toEqual({
      client_id: client.client_id,
      client_id_issued_at: client["client_id_issued_at"],
      registration_client_uri: client.registration_client_uri,
      registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uris: [WEB],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      response_types: ["code"],
      application_type: "web",
    });
    expect(await (await manage("GET", updated)).json()).toEqual(updated);
  });

  it("changes the registration access token", async () => {
    const updated = await jsonOf<Managed>(await manage("PUT", client, own(client)));
    expect(updated.registration_access_token).not.toBe(client.registration_access_token);
    expect(await errorOf(await manage("GET", client))).toBe("401 invalid_token");
    expect((await manage("GET", updated)).status).toBe(200);
  });

  it("of many at once with one token lets one through", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => manage("PUT", client, own(client))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19);
  });

  it("wants the client's own id and its current secret (RM-04)", async () => {
    const confidential = await managed({ redirect_uris: [WEB] });
    const body = own(confidential);
    for (const wrong of [
      { client_id: "other" },
      { client_id: undefined },
      { client_secret: "other" },
      { client_secret: 1 },
      { registration_access_token: confidential.registration_access_token },
      { registration_client_uri: confidential.registration_client_uri },
      { client_secret_expires_at: 0 },
      { client_id_issued_at: 1 },
    ]) {
      expect(await errorOf(await manage("PUT", confidential, { ...body, ...wrong }))).toBe(
        "400 invalid_request",
      );
    }
    expect(await errorOf(await manage("PUT", client, { ...own(client), client_secret: "x" }))).toBe(
      "400 invalid_request",
    );
    const updated = await jsonOf<Managed>(await manage("PUT", confidential, body));
    expect(updated.client_secret).toBe(confidential.client_secret);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "http://evil.example/cb",
    "https://app.example.com/cb#",
    "https://app.example.com/cb?code=x",
    "http://127.1/cb",
  ])("refuses the redirect URI %s and leaves the record as it was (RM-06)", async (uri) => {
    const before = await (await manage("GET", client)).json();
    const response = await manage("PUT", client, { ...own(client), redirect_uris: [uri] });
    expect(await errorOf(response)).toBe("400 invalid_redirect_uri");
    expect(await (await manage("GET", client)).json()).toEqual(before);
  });

  it("refuses what is no metadata at all", async () => {
    for (const body of [[], null, 1, "x"]) {
      expect(await errorOf(await manage("PUT", client, body))).toBe("400 invalid_request");
    }
    const tooLarge = { ...own(client), x: "y".repeat(65_536) };
    expect(await errorOf(await manage("PUT", client, tooLarge))).toBe("413 invalid_request");
  });

  it("gives a secret to a client that needs one now, and ends the one of a client that does not", async () => {
    const put = { ...own(client), token_endpoint_auth_method: "client_secret_post" };
    const confidential = await jsonOf<Managed>(await manage("PUT", client, put));
    expect(confidential.client_secret).toMatch(/^[\w-]{43}$/);
    expect(confidential["client_secret_expires_at"]).toBe(0);
    const tokens = await obtainTokens(gateway, confidential);
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    const isPublic = await jsonOf<Managed>(
      await manage("PUT", confidential, {
        ...own(confidential),
        token_endpoint_auth_method: "none",
      }),
    );
    expect(isPublic).not.toHaveProperty("client_secret");
    const form = refreshForm(isPublic, tokens.refresh_token);
    expect(
      await errorOf(
        await requestToken(gateway, { ...form, client_secret: confidential.client_secret }),
      ),
    ).toBe("401 invalid_client");
    expect((await requestToken(gateway, form)).status).toBe(200);
  });

  it("is answered to a preflight", async () => {
    const response = await ask(client.registration_client_uri, {
      method: "OPTIONS",
      headers: { origin: "http://localhost:6274", "access-control-request-method": "PUT" },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-methods")).toMatch(/PUT.*DELETE/);
  });
});

describe("DELETE, RFC 7592 §2.3", () => {
  it("ends codes and tokens at once, and a second one is 401 (RM-08)", async () => {
    const tokens = await obtainTokens(gateway, client);
    const { form } = await obtainCode(gateway, client);
    const response = await manage("DELETE", client);
    expect(response.status).toBe(204);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.text()).toBe("");
    expect(await opens(gateway, tokens.access_token)).toBe(false);
    for (const fields of [form, refreshForm(client, tokens.refresh_token)]) {
      expect(await errorOf(await requestToken(gateway, fields))).toBe("401 invalid_client");
    }
    expect(await errorOf(await manage("DELETE", client))).toBe("401 invalid_token");
    expect(await errorOf(await manage("GET", client))).toBe("401 invalid_token");
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ type: "client.revoked", clientId: client.client_id, grants: 2 }),
    );
  });

  it("of many at once succeeds once", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => manage("DELETE", client)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      204,
      ...Array.from({ length: 9 }, () => 401),
    ]);
  });

  it("leaves other clients alone", async () => {
    const other = await managed({ redirect_uris: [LOOPBACK], client_name: "Another" });
    const tokens = await obtainTokens(gateway, other);
    await manage("DELETE", client);
    expect(
      (await tokensOf(await requestToken(gateway, refreshForm(other, tokens.refresh_token)))).scope,
    ).toBe("mcp");
  });
});
