/** Client authentication and the form of a request, in every way, to this gateway and to oidc-provider. */
import { afterAll, beforeAll, describe } from "vitest";
import { compare, postTo, type Case, type Difference, type Peer } from "../support/differential.ts";
import { startPair, type Pair } from "../support/oidc-peer.ts";
import {
  basicAuth,
  query,
  refreshForm,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";

let pair: Pair;

beforeAll(async () => {
  pair = await startPair({
    public: {},
    basic: { token_endpoint_auth_method: "client_secret_basic" },
    post: { token_endpoint_auth_method: "client_secret_post" },
  });
});
afterAll(() => pair.close());

const clientOf = (peer: Peer, kind = "public"): RawClient => pair.clientOf(peer, kind);
const token = (
  peer: Peer,
  form: Fields | string,
  headers?: Record<string, string>,
): Promise<Response> => postTo(peer.endpoints.token, form, headers);

/** Ways of authenticating as the client `kind`; the request behind is a refresh with a token that does not exist. */
const AUTHENTICATIONS: readonly (readonly [
  string,
  string,
  (
    client: RawClient,
    secret: string,
  ) => { form?: Fields; header?: string | Record<string, string> },
])[] = [
  ["basic", "right", ({ client_id }, secret) => ({ header: basicAuth(client_id, secret) })],
  ["basic", "wrong", ({ client_id }) => ({ header: basicAuth(client_id, "wrong") })],
  ["basic", "empty password", ({ client_id }) => ({ header: basicAuth(client_id, "") })],
  ["basic", "no colon", () => ({ header: `Basic ${btoa("nocolon")}` })],
  ["basic", "bad base64", () => ({ header: "Basic !!!" })],
  ["basic", "a broken escape", () => ({ header: `Basic ${btoa("a:%zz")}` })],
  ["basic", "nothing", () => ({ header: "Basic" })],
  ["basic", "8 KB", () => ({ header: `Basic ${"A".repeat(8000)}` })],
  [
    "basic",
    "another case of the scheme",
    ({ client_id }, secret) => ({
      header: basicAuth(client_id, secret)["authorization"]!.replace("Basic", "bAsIc"),
    }),
  ],
  ["basic", "another scheme", () => ({ header: "Bearer x" })],
  [
    "basic",
    "in the form",
    ({ client_id }, client_secret) => ({ form: { client_id, client_secret } }),
  ],
  ["basic", "only an id", ({ client_id }) => ({ form: { client_id } })],
  [
    "basic",
    "both ways",
    ({ client_id }, client_secret) => ({
      form: { client_id, client_secret },
      header: basicAuth(client_id, client_secret),
    }),
  ],
  [
    "basic",
    "the id in the form too",
    ({ client_id }, secret) => ({ form: { client_id }, header: basicAuth(client_id, secret) }),
  ],
  [
    "basic",
    "another id in the form",
    ({ client_id }, secret) => ({ form: { client_id: "x" }, header: basicAuth(client_id, secret) }),
  ],
  ["basic", "an unknown client", () => ({ header: basicAuth("nobody", "s") })],
  ["post", "right", ({ client_id }, client_secret) => ({ form: { client_id, client_secret } })],
  ["post", "wrong", ({ client_id }) => ({ form: { client_id, client_secret: "wrong" } })],
  ["post", "in the header", ({ client_id }, secret) => ({ header: basicAuth(client_id, secret) })],
  ["post", "only an id", ({ client_id }) => ({ form: { client_id } })],
  ["post", "only a secret", (_, client_secret) => ({ form: { client_secret } })],
  ["post", "an unknown client", () => ({ form: { client_id: "nobody", client_secret: "s" } })],
  [
    "post",
    "an assertion",
    ({ client_id }) => ({
      form: {
        client_id,
        client_assertion: "eyJ.e30.x",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      },
    }),
  ],
  ["public", "in the header", ({ client_id }) => ({ header: basicAuth(client_id, "") })],
  ["public", "nothing at all", () => ({})],
];

const TYPES: readonly string[] = [
  "application/x-www-form-urlencoded; charset=utf-8",
  "Application/X-WWW-Form-Urlencoded",
  "application/x-www-form-urlencoded; charset=utf-7",
  "application/json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/json, application/x-www-form-urlencoded",
];

const DOUBLED = ["grant_type", "refresh_token", "client_id", "client_secret", "scope", "unknown"];

const cases: Case[] = [
  ...AUTHENTICATIONS.map(([kind, name, way]) => ({
    name: `${kind} authentication: ${name}`,
    send(peer: Peer) {
      const client = clientOf(peer, kind);
      const { form, header } = way(client, client.client_secret ?? "");
      const headers = typeof header === "string" ? { authorization: header } : header;
      return token(peer, { grant_type: "refresh_token", refresh_token: "r", ...form }, headers);
    },
  })),
  ...TYPES.map((type) => ({
    name: `content type ${type}`,
    send: (peer: Peer) =>
      token(peer, query(refreshForm(clientOf(peer), "x")), { "content-type": type }),
  })),
  ...DOUBLED.map((name) => ({
    name: `two ${name}`,
    send: (peer: Peer) =>
      token(peer, `${query(refreshForm(clientOf(peer), "x"))}&${name}=1&${name}=1`),
  })),
];

const differences: Difference[] = [
  {
    cases: ["post authentication: only a secret", "public authentication: nothing at all"],
    ours: "4xx invalid_client",
    theirs: "4xx invalid_request",
    why: "no client authentication included is this code's own example; it makes clients register again",
    spec: "RFC 6749 §5.2",
  },
  {
    cases: ["no colon", "bad base64", "a broken escape", "nothing", "8 KB", "another scheme"]
      .map((name) => `basic authentication: ${name}`)
      .concat("basic authentication: empty password", "public authentication: in the header"),
    ours: "4xx invalid_client",
    theirs: "4xx invalid_request",
    why: "the client tried the Authorization header, so it gets 401 with a challenge, whatever was wrong in it",
    spec: "RFC 6749 §5.2",
  },
  {
    cases: ["basic authentication: in the form", "post authentication: in the header"],
    ours: "4xx invalid_client",
    theirs: "4xx invalid_grant",
    why: "a client authenticates by the one method it registered; they take either for the other",
    spec: "RFC 7591 §2, RFC 6749 §2.3",
  },
  {
    cases: ["content type application/x-www-form-urlencoded; charset=utf-7"],
    ours: "4xx invalid_request",
    theirs: "4xx invalid_grant",
    why: "they read the body as something else than it says it is",
    spec: "RFC 6749 appendix B",
  },
  {
    cases: ["two unknown"],
    ours: "4xx invalid_request",
    theirs: "4xx invalid_grant",
    why: "no parameter may come more than once, known or not",
    spec: "RFC 6749 §3.2",
  },
];

describe("client authentication and forms", () => {
  compare(() => pair.peers, cases, differences);
});
