import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OAuthError } from "../../../../src/errors.ts";
import type { Fetched } from "../../../../src/server/guarded-fetch.ts";
import { findClient } from "../../../../src/server/oauth/client.ts";
import {
  isDocumentUrl,
  readMetadataDocument,
} from "../../../../src/server/oauth/metadata-document.ts";
import type { ClientRecord } from "../../../../src/server/store/client-records.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

const ID = "https://app.example.com/client.json";
const document = {
  client_id: ID,
  client_name: "App",
  redirect_uris: ["https://app.example.com/cb"],
};

let context: TestContext;
let fetches: number;
let answer: () => Promise<Fetched>;

beforeEach(async () => {
  fetches = 0;
  answer = async () => ({ isFetched: true, text: JSON.stringify(document), headers: {} });
  context = {
    ...(await createServerContext()),
    guardedFetch: () => {
      fetches += 1;
      return answer();
    },
  };
});
afterEach(() => context.close());

describe("finding a client by its document", () => {
  it("takes a client that was registered under the same id instead, and fetches nothing (CI-12)", async () => {
    const registered: ClientRecord = {
      clientId: ID,
      metadata: {
        redirect_uris: ["https://registered.example.com/cb"],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
      registeredAt: 1,
      via: "command",
    };
    await context.store.put("client", ID, registered);
    expect(await findClient(context, ID)).toEqual(registered);
    expect(fetches).toBe(0);
  });

  it("does not write over a client that was registered while the document came", async () => {
    let come = (): void => {};
    answer = () =>
      new Promise((resolve) => {
        come = () => resolve({ isFetched: true, text: JSON.stringify(document), headers: {} });
      });
    const found = findClient(context, ID);
    await expect.poll(() => fetches).toBe(1);
    const registered: ClientRecord = {
      clientId: ID,
      metadata: readMetadataDocument(JSON.stringify(document), ID),
      registeredAt: 1,
      via: "command",
    };
    await context.store.put("client", ID, registered);
    come();
    expect(await found).toMatchObject({ via: "command" });
    expect(await context.store.get("client", ID)).toEqual(registered);
  });

  it("is there for those who ask the store, until its grants may have ended", async () => {
    await findClient(context, ID);
    expect(await context.store.get("client", ID)).toMatchObject({ via: "document" });
    await context.store.put("grant", "g1", {
      grantId: "g1",
      clientId: ID,
      subject: "s",
      resource: "r",
      scopes: [],
      identity: { subject: "s" },
      createdAt: context.clock.now(),
      expiresAt: context.clock.now() + 1_000_000,
    });
    await findClient(context, ID);
    context.clock.advance(100 * 86_400);
    expect(await context.store.get("metadataDocument", ID)).toBeUndefined();
    expect(await context.store.get("client", ID)).toBeDefined();
    context.clock.advance(100 * 86_400);
    expect(await context.store.get("client", ID)).toBeUndefined();
  });

  it("survives a restart with what it knew", async () => {
    await findClient(context, ID);
    const { guardedFetch } = context;
    context = { ...(await context.reopen()), guardedFetch };
    expect(await findClient(context, ID)).toMatchObject({ clientId: ID });
    expect(fetches).toBe(1);
  });

  it("asks to come back later when too much is under way, and remembers nothing of it", async () => {
    answer = async () => ({ isFetched: false, reason: "busy", isGone: false, isBusy: true });
    await expect(findClient(context, ID)).rejects.toMatchObject({
      code: "temporarily_unavailable",
    });
    expect(await context.store.get("metadataDocument", ID)).toBeUndefined();
  });
});

describe("the URL", () => {
  it.each([
    ID,
    "https://app.example.com:8443/c",
    "https://app.example.com/c?v=1",
    "https://1.1.1.1/c",
  ])("%s can be one", (url) => {
    expect(isDocumentUrl(url)).toBe(true);
  });

  it.each([
    "",
    "s6BhdRkqt3",
    "https://",
    "https://app.example.com:443/c",
    "https://0x1.1.1.1/c",
    "https://é.example.com/c",
  ])("%j cannot", (url) => {
    expect(isDocumentUrl(url)).toBe(false);
  });
});

describe("the document", () => {
  it("is public unless it has keys, and then it may offer both", () => {
    const read = (members: object) =>
      readMetadataDocument(JSON.stringify({ ...document, ...members }), ID);
    expect(read({}).token_endpoint_auth_method).toBe("none");
    // Offers a key it does not publish, but is content without.
    const offered = { token_endpoint_auth_methods_supported: ["private_key_jwt", "none"] };
    expect(read(offered).token_endpoint_auth_method).toBe("none");
    const both = read({ ...offered, jwks_uri: "https://app.example.com/jwks" });
    expect(both.token_endpoint_auth_method).toBe("private_key_jwt");
    expect(both.token_endpoint_auth_methods_supported).toEqual(["none", "private_key_jwt"]);
  });

  it("of any content is read or refused, and never anything else", () => {
    const member = fc.oneof(
      fc.json().map((text): unknown => JSON.parse(text)),
      fc.constantFrom(...Object.values(document)),
      fc.constantFrom("none", "private_key_jwt", "https://x.example/", null, 0, [], {}),
    );
    const names = [
      "client_id", "client_name", "redirect_uris", "token_endpoint_auth_method", "token_endpoint_auth_methods_supported",
      "token_endpoint_auth_signing_alg", "grant_types", "response_types", "scope", "jwks", "jwks_uri", "logo_uri", "contacts",
      "application_type", "__proto__", "constructor",
    ]; // prettier-ignore
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .dictionary(fc.constantFrom(...names), member, { maxKeys: 6 })
        .map((changes) => JSON.stringify({ ...document, ...changes })),
    );
    let accepted = 0;
    fc.assert(
      fc.property(text, (body) => {
        try {
          const metadata = readMetadataDocument(body, ID);
          accepted += 1;
          expect(metadata.redirect_uris.length).toBeGreaterThan(0);
          expect(["none", "private_key_jwt"]).toContain(metadata.token_endpoint_auth_method);
          expect(metadata.grant_types).not.toContain("client_credentials");
        } catch (error) {
          if (!(error instanceof OAuthError)) throw error;
          expect(error.code).toBe("invalid_client");
        }
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(10);
  });
});
