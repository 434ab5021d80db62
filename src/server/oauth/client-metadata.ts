/**
 * Client metadata, RFC 7591 §2: what a client says of itself, and what of it takes effect.
 *
 * Clients send what other servers taught them to send. What is unknown is ignored; what we cannot serve but the client can
 * do without is dropped (unknown scopes, grant types and response types besides ours, redirect URIs that break a rule as
 * long as a good one remains, informational URIs that are not https); the answer shows what was registered. Wrong types,
 * and anything the client could not work without, are refused. Members that belong to the server are not read at all.
 *
 * A client without a grant type that redirects needs no redirect URI. Which grant types a client may register for itself is
 * in `SELF_SERVICE`; the others an operator gives with `client register`.
 *
 * `token_endpoint_auth_method` left out means `client_secret_basic` (§2) for a web client. A native client cannot keep a
 * secret (RFC 8252 §8.4) and most that leave it out are native and public, so there it means `none`; the answer says so.
 */
import { z } from "zod";
import { OAuthError } from "../../errors.ts";
import type { ClientMetadata, ClientRecord } from "../store/client-records.ts";
import { CLIENT_SIGNING_ALGORITHMS, readClientKeys } from "./client-keys.ts";
import { OFFLINE_SCOPE, REQUIRED_SCOPE } from "../scopes.ts";
import { grantTypes } from "./grant-type/index.ts";
import { isNativeUri, redirectUriProblem } from "./redirect-uri.ts";
import { parseScope } from "./scope.ts";

export const AUTH_METHODS = [
  "none",
  "client_secret_basic",
  "client_secret_post",
  "private_key_jwt",
] as const;

/** A client that nobody vouches for acts only for a person who allows it, or whom a trusted issuer lets it act for. */
const SELF_SERVICE: ReadonlySet<string> = new Set([
  "authorization_code",
  "refresh_token",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
]);

/** What a client gets that names none: clients expect to refresh whether or not they say so. */
const USUAL_GRANT_TYPES = ["authorization_code", "refresh_token"];

const OWN_SCOPES: ReadonlySet<string> = new Set([REQUIRED_SCOPE, OFFLINE_SCOPE]);

const MAX_REDIRECT_URIS = 10;
const MAX_NAME = 80; // characters

const list = z.array(z.string().max(2048)).max(20);
const text = z.string().max(20_000);

const schema = z.object({
  redirect_uris: z.array(z.string()).min(1).max(MAX_REDIRECT_URIS).optional(),
  token_endpoint_auth_method: z.enum(AUTH_METHODS).optional(),
  grant_types: list.optional(),
  response_types: list.optional(),
  application_type: z.enum(["native", "web"]).optional(),
  token_endpoint_auth_signing_alg: z.enum(CLIENT_SIGNING_ALGORITHMS).optional(),
  jwks: z.unknown().optional(),
  jwks_uri: z.string().max(2048).optional(),
  scope: text.optional(),
  client_name: text.optional(),
  client_uri: text.optional(),
  logo_uri: text.optional(),
  tos_uri: text.optional(),
  policy_uri: text.optional(),
  contacts: list.optional(),
  software_id: text.optional(),
  software_version: text.optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
});

type Sent = z.infer<typeof schema>;

export interface RejectedRedirectUri {
  redirect_uri: string;
  reason: string;
}

export interface MetadataPolicy {
  /** Who asks: a stranger, or the operator. */
  via: ClientRecord["via"];
  /** Private-use redirect schemes without a dot, besides those of known clients. */
  redirectSchemes: readonly string[];
  /** Names of the scopes there are; our own when absent. */
  scopeNames?: ReadonlySet<string>;
}

/**
 * @param body parsed JSON of a registration request
 * @throws OAuthError invalid_redirect_uri, invalid_client_metadata
 */
export function readClientMetadata(
  body: unknown,
  policy: MetadataPolicy = { via: "registration", redirectSchemes: [] },
): {
  metadata: ClientMetadata;
  rejected: RejectedRedirectUri[];
} {
  const sent = parse(body);
  const clientGrantTypes = effectiveGrantTypes(sent.grant_types, policy.via);
  const redirects = clientGrantTypes.includes("authorization_code");
  const { good, rejected } = sortRedirectUris(sent.redirect_uris ?? [], redirects, policy);
  const isNative = good.length > 0 && good.every(isNativeUri);
  const applicationType = sent.application_type ?? (isNative ? "native" : "web");
  const method =
    sent.token_endpoint_auth_method ??
    (isNative || applicationType === "native" ? "none" : "client_secret_basic");
  const metadata: ClientMetadata = {
    redirect_uris: good,
    token_endpoint_auth_method: method,
    grant_types: clientGrantTypes,
    response_types: redirects ? effectiveResponseTypes(sent.response_types) : [],
    application_type: applicationType,
    ...readClientKeys(method, sent),
    ...present("scope", effectiveScope(sent.scope, policy.scopeNames ?? OWN_SCOPES)),
    ...present("client_name", displayText(sent.client_name, MAX_NAME)),
    ...present("client_uri", httpsUri(sent.client_uri)),
    ...present("logo_uri", httpsUri(sent.logo_uri)),
    ...present("tos_uri", httpsUri(sent.tos_uri)),
    ...present("policy_uri", httpsUri(sent.policy_uri)),
    ...present(
      "contacts",
      sent.contacts?.map((entry) => displayText(entry, 200) ?? "").filter(Boolean),
    ),
    ...present("software_id", displayText(sent.software_id, 200)),
    ...(sent.dpop_bound_access_tokens === true && { dpop_bound_access_tokens: true }),
    ...present("software_version", displayText(sent.software_version, 100)),
  };
  return { metadata, rejected };
}

function parse(body: unknown): Sent {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new OAuthError("invalid_client_metadata", "The body must be a JSON object");
  }
  // Clients whose language has null send it for what they leave out.
  const members = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const parsed = schema.safeParse(members);
  if (parsed.success) return parsed.data;
  const [member = ""] = parsed.error.issues[0]!.path;
  throw new OAuthError(
    member === "redirect_uris" ? "invalid_redirect_uri" : "invalid_client_metadata",
    member === "redirect_uris"
      ? `redirect_uris must be a list of 1 to ${MAX_REDIRECT_URIS} URIs`
      : `${String(member)} is not what it may be: ${parsed.error.issues[0]!.message}`,
  );
}

function sortRedirectUris(
  uris: readonly string[],
  isNeeded: boolean,
  { redirectSchemes }: MetadataPolicy,
): { good: string[]; rejected: RejectedRedirectUri[] } {
  const good: string[] = [];
  const rejected: RejectedRedirectUri[] = [];
  for (const uri of new Set(uris)) {
    const problem = redirectUriProblem(uri, redirectSchemes);
    if (problem === undefined) good.push(uri);
    else rejected.push({ redirect_uri: uri.slice(0, 200), reason: `The URI ${problem}` });
  }
  if (good.length === 0 && (isNeeded || rejected.length > 0)) {
    const reason = rejected[0]?.reason ?? `redirect_uris must list 1 to ${MAX_REDIRECT_URIS} URIs`;
    const detail = rejected.map((one) => `${one.redirect_uri}: ${one.reason}`).join(", ");
    throw new OAuthError("invalid_redirect_uri", `No redirect URI can be used. ${reason}`, {
      ...(detail !== "" && { detail }),
    });
  }
  return { good, rejected };
}

/** Those the client may have of those it named. Alone, a refresh token can never be come by. */
function effectiveGrantTypes(
  sent: readonly string[] | undefined,
  via: ClientRecord["via"],
): string[] {
  if (sent === undefined || sent.length === 0) return [...USUAL_GRANT_TYPES];
  const allowed = [...grantTypes.keys()].filter(
    (name) => sent.includes(name) && (via === "command" || SELF_SERVICE.has(name)),
  );
  if (!allowed.some((name) => name !== "refresh_token")) {
    throw new OAuthError(
      "invalid_client_metadata",
      "grant_types has none that a client can register here",
    );
  }
  return allowed;
}

function effectiveResponseTypes(sent: readonly string[] | undefined): string[] {
  if (sent !== undefined && sent.length > 0 && !sent.includes("code")) {
    throw new OAuthError("invalid_client_metadata", "response_types must include code");
  }
  return ["code"];
}

/** Absent when nothing known is left: then the client may ask for any scope. */
function effectiveScope(sent: string | undefined, names: ReadonlySet<string>): string | undefined {
  // A list that breaks the grammar is no reason to refuse a client; it names nothing we know.
  const listed = (sent ?? "").length > 2000 ? [] : parseOrNothing(sent ?? "");
  const known = listed.filter((name) => names.has(name));
  return known.length === 0 ? undefined : known.join(" ");
}

function parseOrNothing(scope: string): string[] {
  return /^[\x20-\x7e]*$/.test(scope) && !/["\\]/.test(scope) ? parseScope(scope) : [];
}

/** For human eyes: no control, formatting or bidirectional characters, which could make one name look like another. */
function displayText(sent: string | undefined, longest: number): string | undefined {
  const clean = (sent ?? "")
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/[\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  const cut = Array.from(clean).slice(0, longest).join("").trim();
  return cut === "" ? undefined : cut;
}

/** Shown as a link, never fetched. */
function httpsUri(sent: string | undefined): string | undefined {
  if (sent === undefined || sent.length > 2048 || !/^https:\/\/[\x21-\x7e]+$/.test(sent))
    return undefined;
  if (!URL.canParse(sent) || /["'<>\\^`{|}]/.test(sent)) return undefined;
  const { username, password } = new URL(sent);
  return username === "" && password === "" ? sent : undefined;
}

function present<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed name loses its type
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}
