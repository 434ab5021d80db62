/** Token and revocation requests, honest and hostile, to this gateway and to oidc-provider with the same policy. */
import { afterAll, beforeAll, describe } from "vitest";
import {
  codeAt,
  compare,
  fieldsFor,
  gist,
  postTo,
  tokensAt,
  type Case,
  type Difference,
  type Peer,
} from "../support/differential.ts";
import { startPair, type Pair } from "../support/oidc-peer.ts";
import { ask, query, refreshForm, type Fields, type RawClient } from "../support/raw-client.ts";

let pair: Pair;

const METADATA: Record<string, Record<string, unknown>> = {
  public: {},
  other: {},
  post: { token_endpoint_auth_method: "client_secret_post" },
  "code only": { grant_types: ["authorization_code"] },
};

beforeAll(async () => {
  pair = await startPair(METADATA);
});
afterAll(() => pair.close());

const clientOf = (peer: Peer, kind = "public"): RawClient => pair.clientOf(peer, kind);
const token = (
  peer: Peer,
  form: Fields | string,
  headers?: Record<string, string>,
): Promise<Response> =>
  postTo(peer.endpoints.token, typeof form === "string" ? form : fieldsFor(peer, form), headers);

/** The answers to several requests, one after the other. */
async function gists(...requests: (() => Promise<Response>)[]): Promise<string> {
  const words = [];
  for (const request of requests) words.push(await gist(await request()));
  return words.join(", ");
}

/** What to change in a valid code exchange; `other` as the client id is another client of the same server. */
const EXCHANGES: readonly (readonly [string, Fields])[] = [
  ["valid", {}],
  ["no code", { code: undefined }],
  ["an empty code", { code: "" }],
  ["code x", { code: "x" }],
  ["code __proto__", { code: "__proto__" }],
  ["a code with NUL", { code: "\0" }],
  ["a code of 10 KB", { code: "c".repeat(10_000) }],
  ["another client", { client_id: "other" }],
  ["an unknown client", { client_id: "nobody" }],
  ["no client", { client_id: undefined }],
  ["an empty client", { client_id: "" }],
  ["a public client with a secret", { client_secret: "s" }],
  ["an empty secret", { client_secret: "" }],
  ["another redirect_uri", { redirect_uri: "https://evil.example/cb" }],
  ["another loopback port", { redirect_uri: "http://127.0.0.1:50001/callback" }],
  ["no redirect_uri", { redirect_uri: undefined }],
  ["an empty redirect_uri", { redirect_uri: "" }],
  ["a wrong verifier", { code_verifier: "w".repeat(43) }],
  ["no verifier", { code_verifier: undefined }],
  ["an empty verifier", { code_verifier: "" }],
  ["a verifier of 42 characters", { code_verifier: "w".repeat(42) }],
  ["a verifier of 129 characters", { code_verifier: "w".repeat(129) }],
  ["a verifier with a space", { code_verifier: `${"w".repeat(42)} ` }],
  ["the resource", { resource: "$resource" }],
  ["another resource", { resource: "https://other.example/" }],
  ["a relative resource", { resource: "/mcp" }],
  ["an empty resource", { resource: "" }],
  ["a scope", { scope: "mcp" }],
  ["a wider scope", { scope: "mcp offline_access" }],
  ["no grant_type", { grant_type: undefined }],
  ["an empty grant_type", { grant_type: "" }],
  ["grant_type=password", { grant_type: "password" }],
  ["grant_type=implicit", { grant_type: "implicit" }],
  ["grant_type=__proto__", { grant_type: "__proto__" }],
  ["grant_type=Authorization_Code", { grant_type: "Authorization_Code" }],
  ["an unknown parameter", { "x[y]": "1" }],
];

/** The same for a refresh. */
const REFRESHES: readonly (readonly [string, Fields])[] = [
  ["valid", {}],
  ["no token", { refresh_token: undefined }],
  ["an empty token", { refresh_token: "" }],
  ["token x", { refresh_token: "x" }],
  ["token constructor", { refresh_token: "constructor" }],
  ["a token of 10 KB", { refresh_token: "r".repeat(10_000) }],
  ["another client", { client_id: "other" }],
  ["an unknown client", { client_id: "nobody" }],
  ["no client", { client_id: undefined }],
  ["the same scope", { scope: "mcp" }],
  ["a scope not granted", { scope: "mcp offline_access" }],
  ["an unknown scope", { scope: "whatever" }],
  ["an empty scope", { scope: "" }],
  ["a scope with a quote", { scope: 'm"cp' }],
  ["the resource", { resource: "$resource" }],
  ["another resource", { resource: "https://other.example/" }],
  ["a relative resource", { resource: "/mcp" }],
];

const named = (peer: Peer, fields: Fields): Fields =>
  fields["client_id"] === "other"
    ? { ...fields, client_id: clientOf(peer, "other").client_id }
    : fields;

const cases: Case[] = [
  ...EXCHANGES.map(([name, wrong]) => ({
    name: `code: ${name}`,
    send: async (peer: Peer) =>
      token(peer, { ...(await codeAt(peer, clientOf(peer))), ...named(peer, wrong) }),
  })),
  ...REFRESHES.map(([name, wrong]) => ({
    name: `refresh: ${name}`,
    async send(peer: Peer) {
      const { refresh_token } = await tokensAt(peer, clientOf(peer));
      return token(peer, refreshForm(clientOf(peer), refresh_token, named(peer, wrong)));
    },
  })),
  ...["GET", "PUT", "DELETE"].map((method) => ({
    name: `method ${method}`,
    send: (peer: Peer) => ask(peer.endpoints.token, { method }),
  })),
  {
    name: "parameters in the URL",
    send: (peer) =>
      postTo(`${peer.endpoints.token}?${query(refreshForm(clientOf(peer), "x"))}`, ""),
  },
  {
    name: "a refresh by a client registered for codes only",
    send: (peer) => token(peer, refreshForm(clientOf(peer, "code only"), "x")),
  },
  {
    name: "a grant type the client has not registered",
    send: (peer) =>
      token(peer, {
        grant_type: "client_credentials",
        client_id: clientOf(peer).client_id,
      }),
  },
  {
    name: "a code twice, then what came of it",
    async send(peer) {
      const form = await codeAt(peer, clientOf(peer));
      const first = await token(peer, form);
      const { refresh_token } = (await first.clone().json()) as { refresh_token: string };
      return gists(
        () => Promise.resolve(first),
        () => token(peer, form),
        () => token(peer, refreshForm(clientOf(peer), refresh_token)),
      );
    },
  },
  {
    name: "a code after a wrong verifier",
    async send(peer) {
      const form = await codeAt(peer, clientOf(peer));
      return gists(
        () => token(peer, { ...form, code_verifier: "w".repeat(43) }),
        () => token(peer, form),
      );
    },
  },
  {
    name: "a code after another client tried it",
    async send(peer) {
      const form = await codeAt(peer, clientOf(peer));
      const thief = { client_id: clientOf(peer, "other").client_id };
      return gists(
        () => token(peer, { ...form, ...thief }),
        () => token(peer, form),
      );
    },
  },
  ...[0, 31].map((seconds) => ({
    name: `a refresh token again after ${seconds} s, then its successor`,
    async send(peer: Peer) {
      const { refresh_token } = await tokensAt(peer, clientOf(peer));
      const again = refreshForm(clientOf(peer), refresh_token);
      const first = await token(peer, again);
      const next = ((await first.json()) as { refresh_token: string }).refresh_token;
      peer.wait(seconds);
      return gists(
        () => token(peer, again),
        () => token(peer, refreshForm(clientOf(peer), next)),
      );
    },
  })),
  {
    name: "a refresh token after another client tried it",
    async send(peer) {
      const { refresh_token } = await tokensAt(peer, clientOf(peer));
      return gists(
        () => token(peer, refreshForm(clientOf(peer, "other"), refresh_token)),
        () => token(peer, refreshForm(clientOf(peer), refresh_token)),
      );
    },
  },
  ...revocations(),
];

function revocations(): Case[] {
  const revoke = (peer: Peer, form: Fields, headers?: Record<string, string>): Promise<Response> =>
    postTo(peer.endpoints.revoke, { client_id: clientOf(peer).client_id, ...form }, headers);
  const afterwards = async (peer: Peer, form: Fields, kind = "public"): Promise<string> => {
    const { access_token, refresh_token } = await tokensAt(peer, clientOf(peer));
    const replaced = Object.entries(form).map(([name, value]) => [
      name,
      value === "$refresh" ? refresh_token : value === "$access" ? access_token : value,
    ]);
    const client_id = clientOf(peer, kind).client_id;
    return gists(
      () => revoke(peer, { client_id, ...(Object.fromEntries(replaced) as Fields) }),
      () => token(peer, refreshForm(clientOf(peer), refresh_token)),
    );
  };
  const hinted = (name: string, form: Fields, kind?: string): Case => ({
    name: `revocation, then a refresh: ${name}`,
    send: (peer) => afterwards(peer, form, kind),
  });
  return [
    hinted("the refresh token", { token: "$refresh" }),
    hinted("with its hint", { token: "$refresh", token_type_hint: "refresh_token" }),
    hinted("with the wrong hint", { token: "$refresh", token_type_hint: "access_token" }),
    hinted("with an unknown hint", { token: "$refresh", token_type_hint: "x" }),
    hinted("the access token", { token: "$access" }),
    hinted("another client's", { token: "$refresh" }, "other"),
    hinted("an unknown token", { token: "x" }),
    hinted("no token", {}),
    hinted("an unknown client", { token: "$refresh", client_id: "nobody" }),
    hinted("no client", { token: "$refresh", client_id: undefined }),
    hinted("a confidential client without secret", { token: "$refresh" }, "post"),
    {
      name: "revocation by GET",
      send: (peer) => ask(`${peer.endpoints.revoke}?token=x&client_id=x`),
    },
  ];
}

const differences: Difference[] = [
  {
    cases: [
      "code: no client",
      "code: an empty client",
      "refresh: no client",
      "parameters in the URL",
    ],
    ours: "4xx invalid_client",
    theirs: "4xx invalid_request",
    why: "no client authentication included is this code's own example; it makes clients register again",
    spec: "RFC 6749 §5.2",
  },
  {
    cases: ["code: no redirect_uri", "code: an empty redirect_uri"],
    ours: "4xx invalid_grant",
    theirs: "2xx",
    why: "what was sent to the authorization endpoint must be repeated, also when only one is registered",
    spec: "RFC 6749 §4.1.3",
  },
  {
    cases: ["code: no verifier", "code: an empty verifier"],
    ours: "4xx invalid_request",
    theirs: "4xx invalid_grant",
    why: "a required parameter is missing; nothing was compared yet",
    spec: "RFC 6749 §5.2",
  },
  {
    cases: ["42 characters", "129 characters"]
      .map((name) => `code: a verifier of ${name}`)
      .concat("code: a verifier with a space"),
    ours: "4xx invalid_grant",
    theirs: "4xx invalid_request",
    why: "a verifier that is not the one is refused as such, for whatever reason it cannot be",
    spec: "RFC 7636 §4.6",
  },
  {
    cases: ["method GET", "method PUT", "method DELETE", "revocation by GET"],
    ours: "4xx invalid_request",
    theirs: "4xx",
    why: "405 with Allow, and JSON as every other answer; theirs is plain text",
    spec: "RFC 9110 §15.5.6",
  },
  {
    cases: ["a refresh by a client registered for codes only"],
    ours: "4xx unauthorized_client",
    theirs: "4xx invalid_request",
    why: "the grant type exists, this client may not use it: the code says exactly that",
    spec: "RFC 6749 §5.2",
  },
  {
    cases: ["a grant type the client has not registered"],
    ours: "4xx unauthorized_client",
    theirs: "4xx unsupported_grant_type",
    why: "client_credentials exists here for clients an operator registered, and is not switched on there",
    spec: "RFC 6749 §5.2",
  },
  {
    cases: ["a refresh token again after 0 s, then its successor"],
    ours: "2xx, 2xx",
    theirs: "4xx invalid_grant, 4xx invalid_grant",
    why: "a lost answer must not cost the login: for a grace of 30 s the same successor is given once more",
    spec: "RFC 9700 §4.14.2",
  },
  {
    cases: ["revocation, then a refresh: the access token"],
    ours: "2xx, 4xx invalid_grant",
    theirs: "4xx unsupported_token_type, 2xx",
    why: "our access tokens can be revoked although they are JWTs, and the grant ends with them",
    spec: "RFC 7009 §2.1",
  },
  {
    cases: ["revocation, then a refresh: no client"],
    ours: "4xx invalid_client, 2xx",
    theirs: "4xx invalid_request, 2xx",
    why: "no client authentication included is this code's own example",
    spec: "RFC 6749 §5.2",
  },
];

describe("token and revocation requests", () => {
  compare(() => pair.peers, cases, differences);
});
