/**
 * An OAuth client that sends exactly what a test tells it to, wrong as it may be. strict-client.ts is the honest one. Like any
 * client it knows the gateway by its metadata.
 */
import { digest, randomToken } from "../../src/random.ts";
import { approve, createFormBrowser, type FormBrowser } from "./form-browser.ts";
import type { TestGateway } from "./gateway.ts";

export const LOOPBACK = "http://127.0.0.1:49152/callback";

export interface RawClient {
  client_id: string;
  client_secret?: string;
  redirect_uris: string[];
  [member: string]: unknown;
}

export type Fields = Record<string, string | undefined>;

export interface Code {
  code: string;
  verifier: string;
  /** What the token request must repeat. */
  form: Fields;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
}

/** Where it is, as clients know it. */
export type Address = Pick<TestGateway, "url" | "resource">;

/** @param metadata an object becomes JSON; a string is sent as it is */
export function register(
  gateway: Address,
  metadata: unknown,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<Response> {
  const body = typeof metadata === "string" ? metadata : JSON.stringify(metadata);
  return fetch(`${gateway.url}/register`, { method: "POST", headers, body });
}

export async function registered(
  gateway: Address,
  metadata: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<RawClient> {
  const json = { "content-type": "application/json", ...headers };
  const response = await register(gateway, { redirect_uris: [LOOPBACK], ...metadata }, json);
  if (response.status !== 201) throw new Error(`not registered: ${await response.text()}`);
  return jsonOf<RawClient>(response);
}

/** A valid authorization request but for `fields`; undefined leaves a parameter out. */
export function authorizationUrl(
  gateway: Address,
  client: Pick<RawClient, "client_id" | "redirect_uris">,
  fields: Fields = {},
): URL {
  const url = new URL(`${gateway.url}/authorize`);
  url.search = query({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0],
    code_challenge: digest("v".repeat(43)),
    code_challenge_method: "S256",
    state: "s1",
    resource: gateway.resource,
    ...fields,
  });
  return url;
}

/** One request, no redirect followed. */
export function ask(url: URL | string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { redirect: "manual", ...init });
}

/** Log in, allow, and come back with a code. */
export async function obtainCode(
  gateway: TestGateway,
  client: RawClient,
  fields: Fields = {},
  browser: FormBrowser = createFormBrowser(),
): Promise<Code> {
  const verifier = randomToken();
  const url = authorizationUrl(gateway, client, { code_challenge: digest(verifier), ...fields });
  const left = await approve(url, browser);
  const code = left.searchParams.get("code");
  if (code === null) throw new Error(`no code: ${left.search}`);
  return {
    code,
    verifier,
    form: {
      grant_type: "authorization_code",
      client_id: client.client_id,
      code,
      code_verifier: verifier,
      redirect_uri: url.searchParams.get("redirect_uri") ?? undefined,
    },
  };
}

/** @param fields a string is sent as it is */
export function post(
  gateway: TestGateway,
  path: string,
  fields: Fields | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return ask(`${gateway.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof fields === "string" ? fields : query(fields),
  });
}

export const requestToken = (
  gateway: TestGateway,
  fields: Fields | string,
  headers: Record<string, string> = {},
): Promise<Response> => post(gateway, "/token", fields, headers);

export async function tokensOf(response: Response): Promise<Tokens> {
  if (response.status !== 200) throw new Error(`no tokens: ${await response.text()}`);
  return jsonOf<Tokens>(response);
}

/** All the way from nothing to tokens. */
export async function obtainTokens(
  gateway: TestGateway,
  client: RawClient,
  fields: Fields = {},
): Promise<Tokens> {
  const { form } = await obtainCode(gateway, client, fields);
  return tokensOf(await requestToken(gateway, { ...form, client_secret: client.client_secret }));
}

export function refreshForm(client: RawClient, refreshToken: string, fields: Fields = {}): Fields {
  return {
    grant_type: "refresh_token",
    client_id: client.client_id,
    refresh_token: refreshToken,
    ...fields,
  };
}

export function basicAuth(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` };
}

/** @returns what the body claims to be; the test says what it expects of it */
export async function jsonOf<T>(response: Response): Promise<T> {
  const value: T = await response.json();
  return value;
}

/** Whether the access token still opens the resource: the MCP endpoint does not answer 401. */
export async function opens(gateway: TestGateway, accessToken: string): Promise<boolean> {
  const response = await fetch(gateway.resource, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${accessToken}`,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  await response.body?.cancel();
  return response.status !== 401;
}

/** `error` of an answer in the shape of RFC 6749 §5.2, with everything that shape demands. */
export async function errorOf(response: Response): Promise<string> {
  const text = await response.text();
  if (response.headers.get("content-type") !== "application/json")
    throw new Error(`not JSON: ${response.status} ${text.slice(0, 500)}`);
  if (response.headers.get("cache-control") !== "no-store") throw new Error("may be cached");
  const { error, error_description: description = "", ...rest } = JSON.parse(text);
  if (Object.keys(rest).length > 0) throw new Error(`more than an error: ${text}`);
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(description)) throw new Error(`not ASCII: ${text}`);
  if (/\bat .*:\d+|node_modules|\/src\//.test(text)) throw new Error(`leaks: ${text}`);
  return `${response.status} ${error}`;
}

/** The error page, which never leads anywhere. @returns its status */
export async function pageOf(response: Response): Promise<number> {
  const text = await response.text();
  if (response.headers.has("location")) throw new Error("redirects");
  if (response.headers.get("content-type")?.startsWith("text/html") !== true) throw new Error(text);
  return response.status;
}

/** The parameters of a redirect to the client; throws when it leads anywhere else. */
export function redirectOf(response: Response, redirectUri = LOOPBACK): Record<string, string> {
  const location = response.headers.get("location") ?? "";
  if (response.status !== 303 || !location.startsWith(redirectUri))
    throw new Error(`no redirect to the client: ${response.status} ${location}`);
  const parameters = new URL(location).searchParams;
  if ([...parameters.keys()].length !== new Set(parameters.keys()).size) throw new Error(location);
  return Object.fromEntries(parameters);
}

export function query(fields: Fields): string {
  const given = Object.entries(fields).filter(
    (field): field is [string, string] => field[1] !== undefined,
  );
  return new URLSearchParams(given).toString();
}
