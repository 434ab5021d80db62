/**
 * The same request to two authorization servers, and what of the two answers must be alike: whether it is a page, a redirect
 * to the client or JSON; the class of its status; the error code; `state` and `iss` on redirects.
 */
import { expect, it } from "vitest";
import { digest, randomToken } from "../../src/random.ts";
import { approve, createFormBrowser, type FormBrowser } from "./form-browser.ts";
import type { TestGateway } from "./gateway.ts";
import { ask, LOOPBACK, query, type Fields, type RawClient, type Tokens } from "./raw-client.ts";

/** One authorization server, known by its metadata. */
export interface Peer {
  name: string;
  issuer: string;
  resource: string;
  endpoints: Record<"authorize" | "token" | "register" | "revoke", string>;
  /** Let this many seconds pass, where time can be moved. */
  wait(seconds: number): void;
}

export async function probePeer(
  name: string,
  issuer: string,
  resource: string,
  wait: (seconds: number) => void,
): Promise<Peer> {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  const metadata = (await response.json()) as Record<string, string>;
  return {
    name,
    issuer,
    resource,
    endpoints: {
      authorize: metadata["authorization_endpoint"]!,
      token: metadata["token_endpoint"]!,
      register: metadata["registration_endpoint"]!,
      revoke: metadata["revocation_endpoint"]!,
    },
    wait,
  };
}

export const peerOf = (gateway: TestGateway): Promise<Peer> =>
  probePeer("mcp-gateway", gateway.url, gateway.resource, (seconds) =>
    gateway.clock.advance(seconds),
  );

/** Fields as a test writes them: `$resource` stands for the peer's own, undefined leaves a parameter out. */
export function fieldsFor(peer: Peer, fields: Fields): Fields {
  const filled = Object.entries(fields).map(([name, value]) => [
    name,
    value?.replace("$resource", peer.resource),
  ]);
  return Object.fromEntries(filled);
}

export const postTo = (
  url: string,
  fields: Fields | string,
  headers: Record<string, string> = {},
): Promise<Response> =>
  ask(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof fields === "string" ? fields : query(fields),
  });

export async function registerAt(
  peer: Peer,
  metadata: Record<string, unknown> = {},
): Promise<RawClient> {
  const response = await sendRegistration(peer, {
    redirect_uris: [LOOPBACK],
    application_type: "native",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    ...metadata,
  });
  if (response.status !== 201) throw new Error(`${peer.name}: ${await response.text()}`);
  return (await response.json()) as RawClient;
}

export function sendRegistration(
  peer: Peer,
  metadata: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return ask(peer.endpoints.register, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof metadata === "string" ? metadata : JSON.stringify(metadata),
  });
}

/** The query of a valid authorization request but for `fields`. */
export function authorizationQuery(peer: Peer, client: RawClient, fields: Fields = {}): string {
  return query(
    fieldsFor(peer, {
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: client.redirect_uris[0],
      code_challenge: digest("v".repeat(43)),
      code_challenge_method: "S256",
      scope: "mcp",
      state: "s1",
      resource: "$resource",
      ...fields,
    }),
  );
}

export async function codeAt(
  peer: Peer,
  client: RawClient,
  fields: Fields = {},
  browser: FormBrowser = createFormBrowser(),
): Promise<Fields> {
  const verifier = randomToken();
  const asked = authorizationQuery(peer, client, { code_challenge: digest(verifier), ...fields });
  const left = await approve(`${peer.endpoints.authorize}?${asked}`, browser);
  const code = left.searchParams.get("code");
  if (code === null) throw new Error(`${peer.name}: no code: ${left.search}`);
  return {
    grant_type: "authorization_code",
    client_id: client.client_id,
    code,
    code_verifier: verifier,
    redirect_uri: new URLSearchParams(asked).get("redirect_uri") ?? undefined,
  };
}

export async function tokensAt(
  peer: Peer,
  client: RawClient,
  fields: Fields = {},
): Promise<Tokens> {
  const form = { ...(await codeAt(peer, client, fields)), client_secret: client.client_secret };
  const response = await postTo(peer.endpoints.token, form);
  if (response.status !== 200) throw new Error(`${peer.name}: ${await response.text()}`);
  return (await response.json()) as Tokens;
}

/** What counts of an answer, in a few words. */
export async function gist(response: Response): Promise<string> {
  const text = await response.text();
  const location = response.headers.get("location");
  if (location !== null) return gistOfRedirect(new URL(location, response.url), response.url);
  const status = `${Math.floor(response.status / 100)}xx`;
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/html")) return `page ${status}`;
  if (response.ok || !type.includes("json")) return status;
  return `${status} ${(JSON.parse(text) as { error: string }).error}`;
}

function gistOfRedirect(target: URL, from: string): string {
  if (target.origin === new URL(from).origin) return "asks the person";
  const isFragment = target.hash !== "";
  const answer = isFragment ? new URLSearchParams(target.hash.slice(1)) : target.searchParams;
  const has = (name: string): string => (answer.has(name) ? ` ${name}` : "");
  const error = answer.get("error");
  const where = isFragment ? " in the fragment" : "";
  return `redirect ${error ?? "without error"}${has("state")}${has("iss")}${where}`;
}

export interface Case {
  name: string;
  send(peer: Peer): Promise<Response | string>;
}

/** A difference we stand by. */
export interface Difference {
  cases: readonly string[];
  ours: string;
  theirs: string;
  why: string;
  spec: string;
}

/** One test for each case, and one that no explanation has outlived its difference. */
export function compare(
  peers: () => [Peer, Peer],
  cases: readonly Case[],
  differences: readonly Difference[],
): void {
  const explained = new Map(
    differences.flatMap(({ cases: names, ours, theirs }) =>
      names.map((name) => [name, { ours, theirs }] as const),
    ),
  );
  it.each(cases.map((one) => [one.name, one] as const))("%s", async (name, one) => {
    const [ours, theirs] = await Promise.all(
      peers().map(async (peer) => {
        const answer = await one.send(peer);
        return typeof answer === "string" ? answer : gist(answer);
      }),
    );
    const expected = explained.get(name);
    if (expected) expect({ ours, theirs }).toEqual(expected);
    else expect(ours, "ours, compared with theirs").toBe(theirs);
  });
  it("explains nothing that is not so, or twice", () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const difference of differences) expect(difference.ours).not.toBe(difference.theirs);
    const all = differences.flatMap((difference) => difference.cases);
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((name) => !names.includes(name))).toEqual([]);
  });
}
