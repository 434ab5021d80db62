/** Registrations, honest and hostile, to this gateway and to oidc-provider with the same policy. */
import { afterAll, beforeAll, describe } from "vitest";
import {
  compare,
  sendRegistration,
  type Case,
  type Difference,
  type Peer,
} from "../support/differential.ts";
import { startPair, type Pair } from "../support/oidc-peer.ts";
import { ask, LOOPBACK } from "../support/raw-client.ts";

let pair: Pair;
const WEB = "https://app.example.com/cb";

beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.close());

const NATIVE = {
  application_type: "native",
  token_endpoint_auth_method: "none",
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  redirect_uris: [LOOPBACK],
};
const CONFIDENTIAL = {
  ...NATIVE,
  application_type: "web",
  redirect_uris: [WEB],
  token_endpoint_auth_method: "client_secret_basic",
};

const NOTHING = {
  ...Object.fromEntries(Object.keys(NATIVE).map((name) => [name, undefined])),
  redirect_uris: [LOOPBACK],
};

/** What differs from a valid registration; undefined leaves a member out. */
const MEMBERS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["valid", {}],
  ["nothing but a redirect URI", NOTHING],
  ["no redirect_uris", { redirect_uris: undefined }],
  ["empty redirect_uris", { redirect_uris: [] }],
  ["redirect_uris as a string", { redirect_uris: LOOPBACK }],
  ["redirect_uris of a number", { redirect_uris: [1] }],
  ["redirect_uris of null", { redirect_uris: [null] }],
  ["redirect_uris as an object", { redirect_uris: { 0: LOOPBACK } }],
  ["11 redirect_uris", { redirect_uris: Array.from({ length: 11 }, (_, i) => `${LOOPBACK}${i}`) }],
  ["a good and a bad redirect URI", { redirect_uris: [LOOPBACK, "http://evil.example/cb"] }],
  ["the same redirect URI twice", { redirect_uris: [LOOPBACK, LOOPBACK] }],
  ["method client_secret_post", { token_endpoint_auth_method: "client_secret_post" }],
  ["method client_secret_basic", { token_endpoint_auth_method: "client_secret_basic" }],
  ["no method", { token_endpoint_auth_method: undefined }],
  ["an unknown method", { token_endpoint_auth_method: "x" }],
  ["method client_secret_jwt", { token_endpoint_auth_method: "client_secret_jwt" }],
  ["method as a number", { token_endpoint_auth_method: 1 }],
  ["no grant_types", { grant_types: undefined }],
  ["empty grant_types", { grant_types: [] }],
  ["grant type implicit", { grant_types: ["implicit"] }],
  ["grant type implicit besides", { grant_types: ["authorization_code", "implicit"] }],
  ["an unknown grant type besides", { grant_types: ["authorization_code", "x"] }],
  ["grant type password", { grant_types: ["password"] }],
  ["only refresh_token", { grant_types: ["refresh_token"] }],
  ["grant_types as a string", { grant_types: "authorization_code" }],
  ["grant_types of numbers", { grant_types: [1] }],
  ["no response_types", { response_types: undefined }],
  ["response type token", { response_types: ["token"] }],
  ["response types code and token", { response_types: ["code", "token"] }],
  ["response_types as a string", { response_types: "code" }],
  ["an unknown application_type", { application_type: "x" }],
  ["no application_type", { application_type: undefined }],
  ["web with a loopback URI", { application_type: "web" }],
  ["native with an https URI", { redirect_uris: [WEB] }],
  ["a known scope", { scope: "offline_access" }],
  ["an unknown scope", { scope: "whatever" }],
  ["scope as a number", { scope: 1 }],
  ["client_name", { client_name: "A client" }],
  ["client_name as a number", { client_name: 1 }],
  ["client_name with markup", { client_name: "<script>alert(1)</script>" }],
  ["client_name of 10 KB", { client_name: "n".repeat(10_000) }],
  ["client_uri", { client_uri: "https://app.example.com/" }],
  ["client_uri in javascript:", { client_uri: "javascript:alert(1)" }],
  ["logo_uri in http:", { logo_uri: "http://169.254.169.254/" }],
  ["policy_uri as a number", { policy_uri: 1 }],
  ["contacts", { contacts: ["a@example.com"] }],
  ["contacts as a string", { contacts: "a@example.com" }],
  ["software_id", { software_id: "4711", software_version: "1" }],
  ["a software_statement", { software_statement: "eyJhbGciOiJub25lIn0.e30." }],
  ["an unknown member", { x: { y: 1 } }],
  ["client_id", { client_id: "chosen" }],
  ["client_secret", { client_secret: "chosen" }],
  ["client_id_issued_at", { client_id_issued_at: 1 }],
  ["registration_access_token", { registration_access_token: "chosen" }],
  ["jwks with jwks_uri", { jwks: { keys: [] }, jwks_uri: "https://app.example.com/keys" }],
  ["jwks_uri in http:", { jwks_uri: "http://127.0.0.1/keys" }],
  ["jwks as a string", { jwks: "x" }],
  ["null for what is left out", { client_name: null, scope: null, logo_uri: null }],
];

/** Redirect URIs, alone in a registration. */
const URIS: readonly (readonly [Record<string, unknown>, string])[] = [
  ...[
    "http://127.0.0.1/cb",
    "http://127.0.0.1:0/cb",
    "http://[::1]:1234/cb",
    "http://localhost/cb",
    "http://localhost",
    "cursor://anysphere.cursor-retrieval/oauth/cb",
    "com.example.app:/cb",
    "vscode://x/cb",
    "a:/cb",
    "myapp:/cb",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "\tjavascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://a/b",
    "about:blank",
    "ws://a.example/cb",
    "ftp://a.example/cb",
    "intent://x",
    "/cb",
    "",
    "cb",
    "//evil.example/cb",
    "http://127.1/cb",
    "http://0x7f.1/cb",
    "http://2130706433/cb",
    "http://localhost./cb",
    "http://x.localhost/cb",
    "http://0.0.0.0/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1@evil.example/cb",
    "https://127.0.0.1/cb",
  ].map((uri) => [NATIVE, uri] as const),
  ...[
    WEB,
    `${WEB}#x`,
    `${WEB}#`,
    `${WEB}?code=x`,
    `${WEB}?a=b&state=x`,
    `${WEB}?a=b`,
    "http://app.example.com/cb",
    "https://app.example.com",
    "https://user:pass@app.example.com/cb",
    "https://*.example.com/cb",
    "https://app.example.com/../cb",
    "https://app.example.com/%2e%2e/cb",
    "https://app.example.com/c b",
    "https://app.example.com/c\nb",
    "https://app.example.com\\cb",
    "https://ümlaut.example/cb",
    "HTTPS://app.example.com/cb",
    "https://",
    "https:app.example.com",
    `https://app.example.com/${"x".repeat(2048)}`,
  ].map((uri) => [CONFIDENTIAL, uri] as const),
];

const BODIES: readonly (readonly [string, string, Record<string, string>?])[] = [
  ["an array", "[]"],
  ["a string", '"x"'],
  ["null", "null"],
  ["nothing", ""],
  ["half an object", '{"redirect_uris":['],
  ["a byte order mark", `\u{feff}${JSON.stringify(NATIVE)}`],
  ["ten thousand deep", "[".repeat(10_000)],
  ["a form", "redirect_uris=x", { "content-type": "application/x-www-form-urlencoded" }],
  ["plain text", JSON.stringify(NATIVE), { "content-type": "text/plain" }],
  ["charset", JSON.stringify(NATIVE), { "content-type": "application/json; charset=utf-8" }],
  ["1 MB", JSON.stringify({ ...NATIVE, x: "x".repeat(1_000_000) })],
  ["a bearer token nobody asked for", JSON.stringify(NATIVE), { authorization: "Bearer x" }],
  ["a broken Authorization header", JSON.stringify(NATIVE), { authorization: "Bearer" }],
  ["prototypes", JSON.stringify(NATIVE).replace("{", '{"__proto__":{"x":1},"constructor":1,')],
];

const cases: Case[] = [
  ...MEMBERS.map(([name, members]) => ({
    name: `native: ${name}`,
    send: (peer: Peer) =>
      sendRegistration(peer, { ...NATIVE, redirect_uris: [LOOPBACK], ...members }),
  })),
  ...MEMBERS.filter(([name]) => /method|grant|scope|secret|jwks/.test(name)).map(
    ([name, members]) => ({
      name: `web: ${name}`,
      send: (peer: Peer) => sendRegistration(peer, { ...CONFIDENTIAL, ...members }),
    }),
  ),
  ...URIS.map(([metadata, uri]) => ({
    name: `redirect URI ${JSON.stringify(uri).slice(0, 80)}`,
    send: (peer: Peer) => sendRegistration(peer, { ...metadata, redirect_uris: [uri] }),
  })),
  ...BODIES.map(([name, body, headers]) => ({
    name: `body: ${name}`,
    send: (peer: Peer) => sendRegistration(peer, body, headers),
  })),
  ...["GET", "PUT", "DELETE"].map((method) => ({
    name: `method ${method}`,
    send: (peer: Peer) => ask(peer.endpoints.register, { method }),
  })),
];

const uris = (...all: string[]): string[] =>
  all.map((uri) => `redirect URI ${JSON.stringify(uri).slice(0, 80)}`);

const differences: Difference[] = [
  {
    cases: ["native: 11 redirect_uris"],
    ours: "4xx invalid_redirect_uri",
    theirs: "2xx",
    why: "anybody may register, so a registration is bounded",
    spec: "RFC 7591 §5",
  },
  {
    cases: ["native: a good and a bad redirect URI"],
    ours: "2xx",
    theirs: "4xx invalid_redirect_uri",
    why: "the bad one is dropped and named in the answer; the server may replace any value",
    spec: "RFC 7591 §3.2.1",
  },
  {
    cases: ["grant type implicit besides", "an unknown grant type besides", "an unknown scope"]
      .flatMap((name) => [`native: ${name}`, `web: ${name}`])
      .concat("native: response types code and token"),
    ours: "2xx",
    theirs: "4xx invalid_client_metadata",
    why: "clients list what other servers know; what is not served here is left out, and the answer shows it",
    spec: "RFC 7591 §3.2.1",
  },
  {
    cases: ["native: client_uri in javascript:", "native: null for what is left out"],
    ours: "2xx",
    theirs: "4xx invalid_client_metadata",
    why: "neither takes effect: a link that is not https is dropped, null means that it was left out",
    spec: "RFC 7591 §2",
  },
  {
    cases: ["native: only refresh_token"],
    ours: "4xx invalid_client_metadata",
    theirs: "2xx",
    why: "such a client could never come by a token",
    spec: "RFC 7591 §2.1",
  },
  {
    cases: ["native: jwks_uri in http:", "web: jwks_uri in http:"],
    ours: "4xx invalid_client_metadata",
    theirs: "2xx",
    why: "keys over plain http prove nothing, and the address is one of our own network",
    spec: "RFC 7591 §2 and §5",
  },
  {
    cases: uris("a:/cb", "myapp:/cb", "ws://a.example/cb", "ftp://a.example/cb", "intent://x"),
    ours: "4xx invalid_redirect_uri",
    theirs: "2xx",
    why: "a private-use scheme is a reverse domain name, or that of a client the operator knows",
    spec: "RFC 8252 §7.1",
  },
  {
    cases: uris(
      "http://127.0.0.1:0/cb",
      "http://127.1/cb",
      "http://0x7f.1/cb",
      "http://2130706433/cb",
      "http://app.example.com/cb",
    ),
    ours: "4xx invalid_redirect_uri",
    theirs: "2xx",
    why: "http only on loopback, in the spellings nobody can read in two ways",
    spec: "RFC 8252 §7.3, MCP authorization",
  },
  {
    cases: uris("https://127.0.0.1/cb"),
    ours: "2xx",
    theirs: "4xx invalid_redirect_uri",
    why: "https is allowed on every host; whoever has a certificate for loopback may use it",
    spec: "RFC 9700 §2.6",
  },
  {
    cases: uris(`${WEB}?code=x`, `${WEB}?a=b&state=x`),
    ours: "4xx invalid_redirect_uri",
    theirs: "2xx",
    why: "the client would see a parameter of the response twice and could take the wrong one",
    spec: "RFC 6749 §3.1.2",
  },
  {
    cases: uris(
      "https://user:pass@app.example.com/cb",
      "https://*.example.com/cb",
      "https://app.example.com/../cb",
      "https://app.example.com/%2e%2e/cb",
      "HTTPS://app.example.com/cb",
    ),
    ours: "4xx invalid_redirect_uri",
    theirs: "2xx",
    why: "a browser would go to something else than the text that is compared",
    spec: "RFC 9700 §4.1.3",
  },
  {
    cases: uris(
      "https://app.example.com/c b",
      "https://app.example.com/c\nb",
      "https://app.example.com\\cb",
      "https://ümlaut.example/cb",
      "https:app.example.com",
      `https://app.example.com/${"x".repeat(2048)}`,
    ),
    ours: "4xx invalid_redirect_uri",
    theirs: "2xx",
    why: "not a URI, or one that no browser takes whole: a parser would have to repair it",
    spec: "RFC 3986 §2, RFC 6749 §3.1.2",
  },
  {
    cases: [
      ...["an array", "a string", "null", "nothing", "half an object"],
      ...["a byte order mark", "ten thousand deep", "a form", "plain text"],
    ].map((name) => `body: ${name}`),
    ours: "4xx invalid_client_metadata",
    theirs: "4xx invalid_request",
    why: "the code of this endpoint for metadata that cannot be taken; theirs is not among them",
    spec: "RFC 7591 §3.2.2",
  },
  {
    cases: ["method GET", "method PUT", "method DELETE"],
    ours: "4xx invalid_request",
    theirs: "4xx",
    why: "405 with Allow, and JSON as every other answer; theirs is plain text",
    spec: "RFC 9110 §15.5.6",
  },
];

describe("registrations", () => {
  compare(() => pair.peers, cases, differences);
});
