/** Authorization requests, honest and hostile, to this gateway and to oidc-provider with the same policy. */
import { afterAll, beforeAll, describe } from "vitest";
import {
  authorizationQuery,
  codeAt,
  compare,
  postTo,
  type Case,
  type Difference,
  type Peer,
} from "../support/differential.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startPair, type Pair } from "../support/oidc-peer.ts";
import { ask, LOOPBACK, type Fields, type RawClient } from "../support/raw-client.ts";

type Kind = "public" | "confidential" | "two URIs" | "https";

let pair: Pair;
const WEB = "https://app.example.com/cb";

const METADATA: Record<Kind, Record<string, unknown>> = {
  public: {},
  confidential: {
    application_type: "web",
    redirect_uris: [WEB],
    token_endpoint_auth_method: "client_secret_basic",
  },
  "two URIs": { application_type: "web", redirect_uris: [WEB, `${WEB}2`] },
  https: { application_type: "web", redirect_uris: [`${WEB}?tenant=a%20b`] },
};

beforeAll(async () => {
  pair = await startPair(METADATA);
});
afterAll(() => pair.close());

const clientOf = (peer: Peer, kind: Kind): RawClient => pair.clientOf(peer, kind);

/** What to change in a valid request, and what to append to its query. */
type Wrong = readonly [name: string, fields: Fields, extra?: string];

const REQUESTS: readonly Wrong[] = [
  ["valid", {}],
  ["no client_id", { client_id: undefined }],
  ["an empty client_id", { client_id: "" }],
  ["an unknown client_id", { client_id: "nobody" }],
  ["client_id with NUL", { client_id: "a\0b" }],
  ["client_id __proto__", { client_id: "__proto__" }],
  ["client_id as a URL", { client_id: "https://client.example/metadata" }],
  ["two client_ids", {}, "&client_id=x"],
  ["client_id[]", { client_id: undefined }, "&client_id[]=x"],
  ["no redirect_uri", { redirect_uri: undefined }],
  ["an empty redirect_uri", { redirect_uri: "" }],
  ["a foreign redirect_uri", { redirect_uri: "https://evil.example/cb" }],
  ["a relative redirect_uri", { redirect_uri: "/cb" }],
  ["a javascript: redirect_uri", { redirect_uri: "javascript:alert(1)" }],
  ["a foreign redirect_uri and prompt=none", { redirect_uri: "https://evil", prompt: "none" }],
  ["two redirect_uris", {}, "&redirect_uri=https%3A%2F%2Fevil.example"],
  ["no response_type", { response_type: undefined }],
  ["an empty response_type", { response_type: "" }],
  ["response_type=token", { response_type: "token" }],
  ["response_type=id_token", { response_type: "id_token" }],
  ["response_type=code token", { response_type: "code token" }],
  ["response_type=code id_token", { response_type: "code id_token" }],
  ["response_type=none", { response_type: "none" }],
  ["response_type=CODE", { response_type: "CODE" }],
  ["response_type=code code", { response_type: "code code" }],
  ["two response_types", {}, "&response_type=code"],
  ["response_mode=query", { response_mode: "query" }],
  ["response_mode=fragment", { response_mode: "fragment" }],
  ["response_mode=form_post", { response_mode: "form_post" }],
  ["response_mode=x", { response_mode: "x" }],
  ["no code_challenge", { code_challenge: undefined, code_challenge_method: undefined }],
  ["a method without challenge", { code_challenge: undefined }],
  ["an empty code_challenge", { code_challenge: "" }],
  ["code_challenge_method=plain", { code_challenge_method: "plain" }],
  ["no code_challenge_method", { code_challenge_method: undefined }],
  ["code_challenge_method=s256", { code_challenge_method: "s256" }],
  ["code_challenge_method=S512", { code_challenge_method: "S512" }],
  ["a challenge of 42 characters", { code_challenge: "a".repeat(42) }],
  ["a challenge of 44 characters", { code_challenge: "a".repeat(44) }],
  ["a challenge of 129 characters", { code_challenge: "a".repeat(129) }],
  ["a padded challenge", { code_challenge: `${"a".repeat(43)}=` }],
  ["a challenge in base64", { code_challenge: `${"a".repeat(41)}+/` }],
  ["a challenge with ü", { code_challenge: `${"a".repeat(42)}ü` }],
  ["two code_challenges", {}, "&code_challenge=x"],
  ["no state", { state: undefined }],
  ["an empty state", { state: "" }],
  ["a state with markup", { state: '&<">\r\n%0d%0a' }],
  ["a state of 4 KB", { state: "s".repeat(4096) }],
  ["two states", {}, "&state=s2"],
  ["no scope", { scope: undefined }],
  ["an empty scope", { scope: "" }],
  ["an unknown scope", { scope: "mcp whatever" }],
  ["only an unknown scope", { scope: "whatever" }],
  ["scope offline_access", { scope: "mcp offline_access" }],
  ["a doubled scope value", { scope: "mcp mcp" }],
  ["a scope with a quote", { scope: 'm"cp' }],
  ["two scopes", {}, "&scope=mcp"],
  ["no resource", { resource: undefined }],
  ["an empty resource", { resource: "" }],
  ["a resource not served here", { resource: "https://other.example/" }],
  ["a resource with a fragment", { resource: "$resource#x" }],
  ["a relative resource", { resource: "/mcp" }],
  ["a resource in javascript:", { resource: "javascript:alert(1)" }],
  ["a resource with a trailing slash", { resource: "$resource/" }],
  ["two resources, one foreign", {}, "&resource=https%3A%2F%2Fother.example%2F"],
  ["prompt=none", { prompt: "none" }],
  ["prompt=none login", { prompt: "none login" }],
  ["prompt=login", { prompt: "login" }],
  ["prompt=consent", { prompt: "consent" }],
  ["prompt=login consent", { prompt: "login consent" }],
  ["prompt=select_account", { prompt: "select_account" }],
  ["prompt=x", { prompt: "x" }],
  ["prompt=create", { prompt: "create" }],
  ["two prompts", {}, "&prompt=login&prompt=consent"],
  ["a request object", { request: "eyJhbGciOiJub25lIn0.e30." }],
  ["a request_uri", { request_uri: "http://169.254.169.254/" }],
  ["a request_uri of nobody", { request_uri: "urn:ietf:params:oauth:request_uri:x" }],
  ["registration", { registration: "{}" }],
  ["an id_token_hint", { id_token_hint: "x" }],
  ["max_age=-1", { max_age: "-1" }],
  ["claims that are not JSON", { claims: "{" }],
  ["a nonce", { nonce: "n" }],
  ["an unknown parameter", { "x[y]": "1" }],
  ["an unknown parameter twice", {}, "&x=1&x=2"],
  ["parameters of object prototypes", {}, "&__proto__=1&constructor=1&toString=1"],
  ["an escape that is not UTF-8", {}, "&x=%ff"],
];

/** Redirect URIs near the registered one. */
const NEAR: readonly (readonly [Kind, string])[] = [
  ["public", "http://127.0.0.1:50001/callback"],
  ["public", "http://127.0.0.1/callback"],
  ["public", "http://localhost:49152/callback"],
  ["public", "http://[::1]:49152/callback"],
  ["public", "https://127.0.0.1:49152/callback"],
  ["public", `${LOOPBACK}/`],
  ["public", `${LOOPBACK}?x=1`],
  ["public", `${LOOPBACK}#x`],
  ["public", "http://127.0.0.1:1@evil.example/callback"],
  ["public", "http://127.0.0.1.evil.example:49152/callback"],
  ["public", "http://127.0.0.2:49152/callback"],
  ["public", "http://0x7f.1:49152/callback"],
  ["public", "http://2130706433:49152/callback"],
  ["public", "http://0.0.0.0:49152/callback"],
  ["public", "HTTP://127.0.0.1:49152/callback"],
  ["public", "http://127.0.0.1:99999/callback"],
  ["https", "https://app.example.com/cb?tenant=a%20b"],
  ["https", "https://app.example.com/cb?tenant=a+b"],
  ["https", "https://app.example.com/cb"],
  ["https", "https://app.example.com/cb?tenant=a%20b&x=1"],
  ["confidential", "HTTPS://app.example.com/cb"],
  ["confidential", "https://App.Example.com/cb"],
  ["confidential", "https://app.example.com:443/cb"],
  ["confidential", "https://app.example.com:8443/cb"],
  ["confidential", "https://app.example.com/cb/"],
  ["confidential", "https://app.example.com/CB"],
  ["confidential", "https://app.example.com/x/../cb"],
  ["confidential", "https://app.example.com/%63b"],
  ["confidential", "https://app.example.com/cb?"],
  ["confidential", "https://app.example.com./cb"],
  ["confidential", "https://app.example.com\\@evil.example/cb"],
  ["confidential", "https://app.example.com/cb\t"],
  ["two URIs", "https://app.example.com/cb2"],
  ["two URIs", "https://app.example.com/cb3"],
];

const get = (peer: Peer, kind: Kind, fields: Fields, extra = ""): Promise<Response> =>
  ask(
    `${peer.endpoints.authorize}?${authorizationQuery(peer, clientOf(peer, kind), fields)}${extra}`,
  );

const cases: Case[] = [
  ...(["public", "confidential"] as const).flatMap((kind) =>
    REQUESTS.map(([name, fields, extra]) => ({
      name: `${kind}, GET: ${name}`,
      send: (peer: Peer) => get(peer, kind, fields, extra),
    })),
  ),
  ...REQUESTS.map(([name, fields, extra = ""]) => ({
    name: `public, POST: ${name}`,
    send: (peer: Peer) =>
      postTo(
        peer.endpoints.authorize,
        `${authorizationQuery(peer, clientOf(peer, "public"), fields)}${extra}`,
      ),
  })),
  ...NEAR.map(([kind, redirect_uri]) => ({
    name: `${kind}, to ${JSON.stringify(redirect_uri)}`,
    send: (peer: Peer) => get(peer, kind, { redirect_uri }),
  })),
  {
    name: "two URIs registered, none sent",
    send: (peer) => get(peer, "two URIs", { redirect_uri: undefined }),
  },
  ...["PUT", "DELETE", "HEAD"].map((method) => ({
    name: `method ${method}`,
    send: (peer: Peer) =>
      ask(`${peer.endpoints.authorize}?${authorizationQuery(peer, clientOf(peer, "public"))}`, {
        method,
      }),
  })),
  {
    name: "POST as JSON",
    send: (peer) =>
      postTo(peer.endpoints.authorize, JSON.stringify({ response_type: "code" }), {
        "content-type": "application/json",
      }),
  },
  {
    name: "POST with everything in the URL",
    send: (peer) =>
      postTo(
        `${peer.endpoints.authorize}?${authorizationQuery(peer, clientOf(peer, "public"))}`,
        "",
      ),
  },
  {
    name: "POST with parameters in the URL and in the body",
    send: (peer) => {
      const asked = authorizationQuery(peer, clientOf(peer, "public"));
      return postTo(`${peer.endpoints.authorize}?${asked}`, asked);
    },
  },
  ...["none", "consent", "login"].map((prompt) => ({
    name: `prompt=${prompt} in a browser that has logged in and allowed`,
    async send(peer: Peer) {
      const browser = createFormBrowser();
      const client = clientOf(peer, "public");
      await codeAt(peer, client, {}, browser);
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const asked = authorizationQuery(peer, client, { prompt });
      return ask(`${peer.endpoints.authorize}?${asked}`, { headers: { cookie } });
    },
  })),
];

/** The same request in all three ways it is sent. */
const everywhere = (...names: string[]): string[] =>
  ["public, GET", "confidential, GET", "public, POST"].flatMap((way) =>
    names.map((name) => `${way}: ${name}`),
  );

const differences: Difference[] = [
  {
    cases: everywhere("two redirect_uris"),
    ours: "page 4xx",
    theirs: "redirect invalid_request state iss",
    why: "a redirect URI that came twice is no proven one, and its error must not be sent there",
    spec: "RFC 6749 §4.1.2.1, RFC 9700 §4.11.2",
  },
  {
    cases: everywhere(
      "response_type=token",
      "response_type=id_token",
      "response_type=code token",
      "response_type=code id_token",
    ),
    ours: "redirect unsupported_response_type state iss",
    theirs: "redirect unsupported_response_type state iss in the fragment",
    why: "response types that answer in the fragment do not exist here, so neither does their default",
    spec: "RFC 6749 §4.1.2.1",
  },
  {
    cases: everywhere("response_type=code code"),
    ours: "redirect unsupported_response_type state iss",
    theirs: "asks the person",
    why: "only code is registered; a list with a doubled value is another string",
    spec: "RFC 6749 §3.1.1",
  },
  {
    cases: everywhere("response_mode=fragment", "response_mode=form_post"),
    ours: "redirect invalid_request state iss",
    theirs: "asks the person",
    why: "a code travels in the query only; what else could carry it out is not offered, and not announced",
    spec: "OAuth 2.1 §4.1.2, RFC 8414 §2",
  },
  {
    cases: everywhere("response_mode=x"),
    ours: "redirect invalid_request state iss",
    theirs: "redirect unsupported_response_mode state iss",
    why: "their code is not among those of the authorization endpoint",
    spec: "RFC 6749 §4.1.2.1",
  },
  {
    cases: everywhere("a challenge of 44 characters"),
    ours: "redirect invalid_request state iss",
    theirs: "asks the person",
    why: "a SHA-256 in base64url has 43 characters; anything else can never be proven",
    spec: "RFC 7636 §4.2",
  },
  {
    cases: everywhere("a resource with a trailing slash"),
    ours: "asks the person",
    theirs: "redirect invalid_target state iss",
    why: "clients add that slash; the token gets the canonical audience all the same",
    spec: "MCP authorization, canonical server URI",
  },
  {
    cases: everywhere("prompt=select_account"),
    ours: "asks the person",
    theirs: "redirect invalid_request state iss",
    why: "choosing another account is a new login, which we can ask for",
    spec: "OpenID Connect Core §3.1.2.1",
  },
  {
    cases: everywhere("prompt=x", "prompt=create", "an id_token_hint", "max_age=-1", "a nonce"),
    ours: "asks the person",
    theirs: "redirect invalid_request state iss",
    why: "parameters and values of OpenID Connect mean nothing here: ignored, and the person is asked in any case",
    spec: "RFC 6749 §3.1",
  },
  {
    cases: everywhere("registration"),
    ours: "asks the person",
    theirs: "redirect registration_not_supported state iss",
    why: "a parameter of OpenID Connect, unknown here and ignored",
    spec: "RFC 6749 §3.1",
  },
  {
    cases: everywhere("a request_uri of nobody"),
    ours: "page 4xx",
    theirs: "redirect invalid_request_uri state iss",
    why: "with a pushed request only the pushed parameters count; those beside it prove no redirect URI",
    spec: "RFC 9126 §4, RFC 9101 §5",
  },
  {
    cases: everywhere("an unknown parameter twice"),
    ours: "redirect invalid_request state iss",
    theirs: "asks the person",
    why: "no parameter may come more than once, known or not",
    spec: "RFC 6749 §3.1",
  },
  {
    cases: everywhere("an escape that is not UTF-8"),
    ours: "page 4xx",
    theirs: "asks the person",
    why: "what cannot be decoded can be read in two ways; nothing of it is trusted",
    spec: "RFC 6749 appendix B",
  },
  {
    cases: ["method PUT", "method DELETE"],
    ours: "4xx invalid_request",
    theirs: "4xx",
    why: "both 405; ours says so in JSON as well",
    spec: "RFC 9110 §15.5.6",
  },
  {
    cases: ["POST with parameters in the URL and in the body"],
    ours: "page 4xx",
    theirs: "asks the person",
    why: "two readers could take different ones",
    spec: "RFC 6749 §3.1",
  },
  {
    cases: ["prompt=none in a browser that has logged in and allowed"],
    ours: "redirect consent_required state iss",
    theirs: "redirect interaction_required state iss",
    why: "both refuse; consent is what is missing, and the code that says so is the more exact one",
    spec: "OpenID Connect Core §3.1.2.6",
  },
];

describe("authorization requests", () => {
  compare(() => pair.peers, cases, differences);
});
