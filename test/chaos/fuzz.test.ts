/**
 * Everything that reads what strangers send, with over a million inputs: each is read or refused in the way of its
 * specification, and quickly.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWTPayload } from "jose";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseJson, stringifyJson } from "../../src/mcp/exact-json.ts";
import { isModern, readModern } from "../../src/bridge/modern-headers.ts";
import { isJsonRpcMessage } from "../../src/mcp/json-rpc.ts";
import { Refusal } from "../../src/bridge/refusal.ts";
import { checkConfigText } from "../../src/config-file.ts";
import { parseDuration } from "../../src/duration.ts";
import { OAuthError, UserError } from "../../src/errors.ts";
import { createRequestListener, type RequestListener } from "../../src/server/app.ts";
import { checkDpopProof } from "../../src/server/dpop.ts";
import { freshnessOf } from "../../src/server/http-freshness.ts";
import { plainPath } from "../../src/server/http.ts";
import { verifyAssertion } from "../../src/server/oauth/assertion.ts";
import { parseBasic } from "../../src/server/oauth/client-authentication.ts";
import { clientOfAssertion } from "../../src/server/oauth/client-assertion.ts";
import { readClientMetadata } from "../../src/server/oauth/client-metadata.ts";
import { cookieNames, readCookie } from "../../src/server/oauth/cookie.ts";
import { parseParameters, singleValues } from "../../src/server/oauth/form.ts";
import { isDocumentUrl, readMetadataDocument } from "../../src/server/oauth/metadata-document.ts";
import { isCodeChallenge, provesChallenge } from "../../src/server/oauth/pkce.ts";
import * as redirectUri from "../../src/server/oauth/redirect-uri.ts";
import { narrowedScopes, parseScope } from "../../src/server/oauth/scope.ts";
import { createAuthenticate } from "../../src/server/resource/authenticate.ts";
import { metadataSubject } from "../../src/server/resource/protected-resource-metadata.ts";
import { createVerify } from "../../src/server/resource/verify.ts";
import { canonicalHost } from "../../src/server/resources.ts";
import { sourceAddress } from "../../src/server/source-address.ts";
import { isSpecialAddress, isSpecialName } from "../../src/server/special-addresses.ts";
import { parseStrictJson } from "../../src/server/strict-json.ts";
import { fuzz, tryOne, type FuzzTarget } from "../support/fuzz.ts";
import { inject } from "../support/inject.ts";
import { createServerContext, type TestContext } from "../support/server-context.ts";

const isRefusal = (error: unknown): boolean =>
  error instanceof OAuthError || error instanceof UserError || error instanceof Refusal;
const isRefusalOrSyntaxError = (error: unknown): boolean =>
  isRefusal(error) || error instanceof SyntaxError;

const RESOURCE = "https://gw.example.com/files/mcp";
const URIS = [
  "https://app.example.com/callback?tenant=1", "http://127.0.0.1:49152/callback", "http://localhost/", "http://[::1]:8000/cb",
  "com.example.app:/oauth2redirect", "cursor://anysphere.cursor-retrieval/oauth/callback", RESOURCE, "https://gw.example.com:443/files/mcp/",
  "https://claude.ai/oauth/client.json", "https://127.0.0.1/x", "https://[2001:db8::1%25eth0]/x", "javascript:alert(1)", "data:text/html,x",
]; // prettier-ignore
const URI_PIECES = ["https://", "http://", "user:pw@", "//", "localhost", "127.0.0.1", "[::1]", ":0", ":65536", "?code=", "#", "/../", "%2e%2e", "xn--", "。", "0x7f.1"]; // prettier-ignore
const JSON_PIECES = ['{"', '":', '"', ",", "[", "]", "{", "}", "[[[[[[[[", '{"__proto__":', '{"a":{"a":', "null", "1e400", '"\\u0000"', '"\\ud800"', "\\u005f\\u005fproto__", "\ufeff", "-0", "[]", "{}"]; // prettier-ignore
const METADATA = [
  JSON.stringify({ redirect_uris: ["http://localhost/cb", "https://a.example/cb"], client_name: "Näme", grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], token_endpoint_auth_method: "none", scope: "mcp offline_access", contacts: ["a@b.example"], logo_uri: "https://a.example/l.png", application_type: "native" }),
  JSON.stringify({ redirect_uris: ["https://a.example/cb"], token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [{ kty: "EC", crv: "P-256", kid: "1", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }] } }),
  JSON.stringify({ redirect_uris: ["https://a.example/cb"], jwks_uri: "https://a.example/jwks", token_endpoint_auth_method: "private_key_jwt", software_statement: "a.b.c", constructor: 1 }),
  JSON.stringify({ client_id: "https://claude.ai/oauth/client.json", client_name: "C", redirect_uris: ["https://claude.ai/cb"], token_endpoint_auth_methods_supported: ["none", "private_key_jwt"] }),
]; // prettier-ignore
const MESSAGES = [
  { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { a: [1] }, _meta: { progressToken: 1 } } },
  { jsonrpc: "2.0", id: "x", method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } },
  { jsonrpc: "2.0", id: 2, method: "resources/read", params: { uri: "file:///x", _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } },
  { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } },
  { jsonrpc: "2.0", id: 3, result: {} }, { jsonrpc: "2.0", id: null, error: { code: -1, message: "m" } }, [{ jsonrpc: "2.0", id: 4, method: "ping" }],
].map((message) => JSON.stringify(message)); // prettier-ignore
const YAML = [
  "publicUrl: https://gw.example.com\nservices:\n  files:\n    command: npx\n    args: [-y, server]\n    env: {A: '${B}'}\ntokens:\n  accessToken: 1h\nlimits: {requestBody: 4mb}\n",
  "publicUrl: &a http://localhost:8080\nallowedOrigins: [*a]\nlisten: {host: localhost, port: 0}\nservices: {a: {command: x}}\n",
];
const YAML_PIECES = ["\n  ", ": ", "- ", "&a ", "*a ", "<<: *a", "!!binary ", "!!js/function ", "|\n", ">-\n", "? ", "---\n", "...\n", "{a: &b [*b,*b]}", "\t", "'", "0o17", ".inf"]; // prettier-ignore

let context: TestContext;
let listener: RequestListener;
let targets: Record<string, FuzzTarget>;

function requestWith(headers: Record<string, string>): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.defineProperty(request.socket, "remoteAddress", { value: "127.0.0.1" });
  request.method = "POST";
  Object.assign(request.headers, headers);
  request.rawHeaders.push(...Object.entries(headers).flat());
  return request;
}

/** /verify, with one header changed. @throws Error unless it answers as specified */
async function verify(headers: Record<string, string>): Promise<void> {
  const asked = { "X-Forwarded-Method": "POST", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "gw.example.com", "X-Forwarded-Uri": "/files/mcp", ...headers }; // prettier-ignore
  const sent = { method: "GET", url: "/verify", headers: Object.entries(asked).flat() };
  const { status, text } = await inject(listener, sent);
  if (![200, 400, 401, 403].includes(status)) throw new Error(`${status} ${text}`);
}

beforeAll(async () => {
  context = await createServerContext();
  listener = createRequestListener(context, {
    admin: () => Promise.resolve(false),
    mcp: () => Promise.reject(new Error("no MCP here")),
    verify: createVerify(context, createAuthenticate(context)),
  });
  const now = context.clock.now();
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  const sign = (claims: JWTPayload, header: Record<string, unknown>): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: "ES256", ...header }).sign(privateKey);
  const claims = { iss: context.issuer, aud: RESOURCE, sub: "local:ann", client_id: "c", scope: "mcp", gid: "g", jti: "j", iat: now, exp: now + 600 }; // prettier-ignore
  const token = await context.keys.sign(claims, "at+jwt");
  const foreign = await sign(claims, { typ: "at+jwt", kid: await calculateJwkThumbprint(jwk) });
  const proof = await sign({ jti: "p", htm: "POST", htu: RESOURCE, iat: now }, { typ: "dpop+jwt", jwk }); // prettier-ignore
  const assertion = await sign({ iss: "c", sub: "c", aud: context.issuer, jti: "a", iat: now, exp: now + 60 }, { typ: "JWT" }); // prettier-ignore
  const jwtPieces = ["..", ".", "eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9", "=", Buffer.from('{"alg":"ES256","crit":["b64"],"b64":false}').toString("base64url"), Buffer.from("[".repeat(2000)).toString("base64url")]; // prettier-ignore
  const policy = {
    via: "registration" as const,
    redirectSchemes: [],
    scopeNames: new Set(["mcp"]),
  };
  const cookie = `__Host-mcp-gateway-session=${"a".repeat(43)}; __Host-mcp-gateway-interaction-x=${"b".repeat(43)}; other="x"`;
  const basic = `Basic ${Buffer.from("id%20x:s%2Bcret").toString("base64")}`;

  targets = {
    "redirect URIs": { runs: 200_000, corpus: URIS, pieces: URI_PIECES, parse: (uri) => [redirectUri.redirectUriProblem(uri, ["my-app"]), redirectUri.isNativeUri(uri), ...URIS.map((known) => redirectUri.matchesRedirectUri(known, uri))] },
    "scope lists": { runs: 100_000, corpus: ["mcp", "mcp offline_access", "a b  c", 'x"y'], isRefusal, parse: (text) => [parseScope(text), narrowedScopes(text, ["mcp"])] },
    "Basic credentials": { runs: 60_000, corpus: [basic, basic.replace("Basic", "basic  ")], pieces: ["Basic ", "====", "AAAA"], parse: parseBasic },
    "Basic user names": { runs: 60_000, corpus: ["id:secret", "id%3A:%C3%A4", ":", "a:b:c"], parse: (text) => parseBasic(`Basic ${Buffer.from(text, "latin1").toString("base64")}`) },
    "form bodies and queries": { runs: 120_000, corpus: ["grant_type=authorization_code&code=x&client_id=y&code_verifier=z", "resource=a&resource=b&state=%7B%7D", "a&b=&=c&&d=e+f"], pieces: ["&", "=", "%", "+", "client_id=", "&resource=", "__proto__="], isRefusal, parse: (text) => singleValues(parseParameters(text)) },
    "JSON with one reading": { runs: 60_000, corpus: [...METADATA, ...MESSAGES], pieces: JSON_PIECES, isRefusal: isRefusalOrSyntaxError, parse: parseStrictJson },
    "registrations": { runs: 60_000, corpus: METADATA, pieces: JSON_PIECES, isRefusal: isRefusalOrSyntaxError, parse: (text) => readClientMetadata(JSON.parse(text), policy) },
    "client metadata documents": { runs: 50_000, corpus: METADATA, pieces: JSON_PIECES, isRefusal, parse: (text) => readMetadataDocument(text, "https://claude.ai/oauth/client.json") },
    "client ids that are URLs": { runs: 60_000, corpus: URIS, pieces: URI_PIECES, parse: (text) => isDocumentUrl(text) && isSpecialName(new URL(text).hostname) },
    "addresses": { runs: 60_000, corpus: ["127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "2001:db8::", "0x7f.1", "a.example."], pieces: ["::", ".", ":", "%", "ffff"], parse: (text) => [isSpecialAddress(text), isSpecialName(text)] },
    "cookies": { runs: 60_000, corpus: [cookie], pieces: [";", "=", "; ", "__Host-mcp-gateway-session="], parse: (text) => { const request = { headers: { cookie: text } } as IncomingMessage; return [readCookie(request, "__Host-mcp-gateway-session"), cookieNames(request, "__Host-mcp-gateway-interaction-")]; } },
    "request targets": { runs: 100_000, corpus: ["/files/mcp", "/.well-known/oauth-protected-resource/files/mcp", "/verify?x=y", "*", "http://gw.example.com/files/mcp"], pieces: ["/..", "%2f", "//", ";a=b", "\\", "?", "#"], parse: (text) => [plainPath(text), metadataSubject(text)] },
    "Host headers": { runs: 60_000, corpus: ["gw.example.com", "GW.example.com.:443", "[::1]:8080", "münchen.example:80"], pieces: [":", ".", "[", "]", ":443"], parse: (text) => [canonicalHost(text), context.resources.at(text, "/files/mcp")] },
    "resource parameters": { runs: 60_000, corpus: URIS, pieces: URI_PIECES, parse: (text) => [context.resources.named(text), context.resources.at("gw.example.com", text)] },
    "X-Forwarded-For": { runs: 40_000, corpus: ["1.2.3.4, 127.0.0.1", "[2001:db8::1]:80, ::1", "::ffff:1.2.3.4", "fe80::1%x, 127.0.0.1"], pieces: [",", "127.0.0.1", "::", "[", "]:1"], parse: (text) => sourceAddress({ trustedProxies: ["127.0.0.1", "::1"] }, { headers: { "x-forwarded-for": text }, socket: { remoteAddress: "127.0.0.1" } }) },
    "X-Forwarded-Uri": { runs: 10_000, corpus: ["/files/mcp", "/files/mcp/?a=b"], pieces: ["/..", "//", "%2f", ","], parse: (text) => verify({ "X-Forwarded-Uri": text }) },
    "X-Forwarded-Host": { runs: 10_000, corpus: ["gw.example.com", "gw.example.com:443"], pieces: [":", ",", ".", "["], parse: (text) => verify({ "X-Forwarded-Host": text }) },
    "X-Forwarded-Proto": { runs: 5000, corpus: ["https", "http,https"], parse: (text) => verify({ "X-Forwarded-Proto": text }) },
    "access tokens": { runs: 20_000, corpus: [token, foreign, `${token}.x.y`], pieces: jwtPieces, parse: (text) => verify({ Authorization: `Bearer ${text}` }) },
    "Authorization headers": { runs: 10_000, corpus: [`Bearer ${token}`, `DPoP ${token}`, basic, "bearer  x"], pieces: ["Bearer ", "DPoP ", ","], parse: (text) => verify({ Authorization: text, DPoP: proof }) },
    "DPoP proofs": { runs: 15_000, corpus: [proof], pieces: jwtPieces, isRefusal, parse: (text) => { const request = requestWith({ dpop: text }); return checkDpopProof(context, request, new ServerResponse(request), { method: "POST", uri: RESOURCE }); } },
    "client assertions": { runs: 15_000, corpus: [assertion, token], pieces: jwtPieces, isRefusal, parse: (text) => [clientOfAssertion(text), verifyAssertion(context, text, { algorithms: ["ES256"], types: [undefined, "jwt"], issuer: "c", audiences: [context.issuer], longestLife: 300, keys: () => Promise.resolve([jwk]), refuse: (reason) => new OAuthError("invalid_client", reason) })][1] },
    "code verifiers": { runs: 40_000, corpus: ["a".repeat(43), "-._~".repeat(32)], parse: (text) => [isCodeChallenge(text), provesChallenge(text, "x".repeat(43))] },
    "MCP messages": { runs: 60_000, corpus: MESSAGES, pieces: [...JSON_PIECES, '"jsonrpc":"2.0"', '"id":', '"_meta":{'], isRefusal: isRefusalOrSyntaxError, parse: (text) => { const body: unknown = JSON.parse(text); isJsonRpcMessage(body); const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo" }; return [isModern({}, body), isModern(headers, body) && readModern({ headers, rawHeaders: [] }, body)]; } },
    "exact JSON": { runs: 40_000, corpus: ['{"id":9007199254740993,"a":["12345678901234567890",-12345678901234567890]}', ...MESSAGES], pieces: [...JSON_PIECES, "12345678901234567890", "\\\""], isRefusal: isRefusalOrSyntaxError, parse: (text) => expect(JSON.stringify(JSON.parse(stringifyJson(parseJson(text))))).toBe(JSON.stringify(JSON.parse(text))) },
    "MCP headers": { runs: 40_000, corpus: ["=?base64?ZWNobw==?=", "echo", "2026-07-28", "tools/call"], pieces: ["=?base64?", "?="], isRefusal, parse: (text) => readModern({ headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "resources/read", "mcp-name": text }, rawHeaders: [] }, JSON.parse(MESSAGES[2]!)) },
    "caching headers": { runs: 20_000, corpus: ["max-age=3600, must-revalidate", "no-store", 'max-age="5"', "Wed, 21 Oct 2026 07:28:00 GMT"], pieces: ["max-age=", ",", " "], parse: (text) => [freshnessOf({ "cache-control": text, age: text }), freshnessOf({ expires: text, date: text })] },
    "durations": { runs: 20_000, corpus: ["30s", "1.5h", "30d"], isRefusal: (error) => error instanceof RangeError && error.message.includes("is not a duration"), parse: parseDuration },
    "configuration files": { runs: 1500, corpus: YAML, pieces: YAML_PIECES, parse: checkConfigText, slowest: 500 },
  }; // prettier-ignore
});

afterAll(() => context.close());

const NAMES = [
  "redirect URIs", "scope lists", "Basic credentials", "Basic user names", "form bodies and queries", "JSON with one reading", "exact JSON",
  "registrations", "client metadata documents", "client ids that are URLs", "addresses", "cookies", "request targets", "Host headers",
  "resource parameters", "X-Forwarded-For", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-Proto", "access tokens",
  "Authorization headers", "DPoP proofs", "client assertions", "code verifiers", "MCP messages", "MCP headers", "caching headers",
  "durations", "configuration files",
]; // prettier-ignore

describe("a mutated input is read or refused", () => {
  it.each(NAMES)("%s", (name) => fuzz(targets[name]!));

  it("a million times and more, and nothing is left out", () => {
    expect(NAMES.toSorted()).toEqual(Object.keys(targets).toSorted());
    const runs = Object.values(targets).reduce((sum, target) => sum + target.runs, 0);
    expect(runs).toBeGreaterThan(1_000_000);
  });
});

describe("a very long input takes no time (DS-06)", () => {
  const LENGTH = 100_000; // characters
  const long = (piece: string): string => piece.repeat(Math.ceil(LENGTH / piece.length));
  const PIECES = ["a", " ", "/", "%", "%2e", "=", ",", ":1", ".", "-", "@", "\\", '"', "&a=b", "&", ";", "; a=b", "[", "]", '{"a":', "\n", "\t ", "0", "A.", "é", "\ud800", "*a ", "http://", "://", "1:"]; // prettier-ignore

  it.each(NAMES.filter((name) => name !== "configuration files"))("%s", async (name) => {
    const target = targets[name]!;
    for (const piece of PIECES) {
      const whole = long(piece);
      for (const start of ["", ...target.corpus]) {
        for (const end of ["", "\0", start]) await tryOne(target, start + whole + end);
      }
    }
  });
});

describe("JSON nested thousands deep", () => {
  const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

  it.each(["registrations", "client metadata documents", "MCP messages"])("%s", async (name) => {
    for (const text of ["%", '{"redirect_uris":%}', '{"redirect_uris":["http://localhost/cb"],"jwks":%,"x":%}', '{"redirect_uris":["http://localhost/cb"],"jwks":{"keys":[{"kty":"EC","x":%}]}}', '{"jsonrpc":"2.0","id":1,"method":"x","params":%}']) {
      await tryOne(targets[name]!, text.replaceAll("%", deep(30_000)));
    }
  }); // prettier-ignore
});
