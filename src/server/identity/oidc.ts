/**
 * Any OpenID provider: code flow with PKCE, nonce and state (OpenID Connect Core §3.1, RFC 9700 §2.1), by openid-client.
 *
 * The discovery document is read when the first person comes and again each hour; while the provider is down, logins there fail
 * and nothing else does. What it says is believed as far as the operator's word goes: the issuer must be the configured one,
 * every endpoint https, and an ID token is signed by its keys with an asymmetric algorithm or it is none, wherever it
 * came from. A single `sub` is the person; nothing is ever matched across providers.
 *
 * Verifier and nonce are derived from the state, a secret that is not stored, so nothing need be remembered meanwhile. Tokens
 * of the provider are used within `finish` and kept nowhere.
 */
import type {
  Configuration,
  CustomFetch,
  IDToken,
  ServerMetadata,
  UserInfoResponse,
} from "openid-client";
import type { Identity } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import type { RuleNeeds } from "../../config/allow.ts";
import { isLoopbackHost } from "../../config/values.ts";
import { OAuthError } from "../../errors.ts";
import { deriveToken, digest } from "../../random.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import { asDiscoveryError, asLoginError } from "./oidc-errors.ts";
import { providerFailure } from "./provider-failure.ts";
import type { ProviderFetch } from "./provider-fetch.ts";

export interface OidcProviderOptions {
  name: string;
  issuer: string;
  clientId: string;
  clientSecret: string;
  clientAuth: "client_secret_basic" | "client_secret_post";
  scope: string;
  groupsClaim: string | undefined;
  emailVerified: "claim" | "always";
  clock: Clock;
  fetch: ProviderFetch;
  /** What the rules in force want to know. */
  needs: () => RuleNeeds;
}

type Claims = Pick<IDToken, "sub" | "azp"> & Record<string, unknown>;

/** Longest time a discovery document is believed. */
const DISCOVERY_TTL = 3600; // seconds
/** RFC 8725 §3.1: ours to decide, not the token's. */
const ALGORITHMS: ReadonlySet<string> = new Set([
  "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
]); // prettier-ignore

export function createOidcProvider(options: OidcProviderOptions): IdentityProvider {
  const { name, clock } = options;
  let known: { configuration: Promise<Configuration>; until: number } | undefined;

  const notDiscovered = (error: unknown): never => {
    throw asDiscoveryError(name, error);
  };

  /** One for all who come meanwhile; one that failed is forgotten. */
  async function configuration(): Promise<Configuration> {
    if (known && known.until > clock.now()) return known.configuration;
    const found = {
      configuration: discover(options).catch(notDiscovered),
      until: clock.now() + DISCOVERY_TTL,
    };
    known = found;
    found.configuration.catch(() => {
      if (known === found) known = undefined;
    });
    return found.configuration;
  }

  return {
    name,
    async begin({ callback, state, asOther }) {
      try {
        const { buildAuthorizationUrl } = await import("openid-client");
        const found = await configuration();
        const location = buildAuthorizationUrl(found, {
          redirect_uri: callback.href,
          scope: options.scope,
          state,
          nonce: nonceOf(state),
          code_challenge: digest(verifierOf(state)),
          code_challenge_method: "S256",
          ...(asOther === true && { prompt: otherPrompt(found) }),
        });
        return { location, pending: {} };
      } catch (error) {
        throw asLoginError(name, error);
      }
    },
    async finish(callback, _pending): Promise<Identity> {
      try {
        return await identify(options, await configuration(), callback);
      } catch (error) {
        throw asLoginError(name, error);
      }
    },
  };
}

async function discover(options: OidcProviderOptions): Promise<Configuration> {
  const { name, issuer, clientId, clientSecret } = options;
  const oidc = await import("openid-client");
  const isLoopback = new URL(issuer).protocol === "http:";
  const fetch: CustomFetch = (url, init) => options.fetch(url, init as RequestInit);
  const insecure = isLoopback ? [oidc.allowInsecureRequests] : [];
  const found = await oidc.discovery(new URL(issuer), clientId, undefined, undefined, {
    [oidc.customFetch]: fetch,
    execute: insecure,
  });
  const metadata: ServerMetadata = found.serverMetadata();
  // The library makes exceptions for some; who is who hangs on it, so there are none here.
  if (new URL(metadata.issuer).href !== new URL(issuer).href) {
    throw providerFailure(name, "the discovery document is of another issuer");
  }
  const insecureEndpoint = Object.entries(metadata).find(
    ([member, value]) =>
      /_endpoint$|^jwks_uri$/.test(member) &&
      typeof value === "string" &&
      !isSafe(value, isLoopback),
  );
  if (insecureEndpoint) throw providerFailure(name, `${insecureEndpoint[0]} is not https`);
  const offered = metadata.id_token_signing_alg_values_supported ?? ["RS256"];
  const algorithms = offered.filter((algorithm) => ALGORITHMS.has(algorithm));
  if (algorithms.length === 0) throw providerFailure(name, "signs with no algorithm we take");

  const authenticate =
    options.clientAuth === "client_secret_post" ? oidc.ClientSecretPost : oidc.ClientSecretBasic;
  const configuration = new oidc.Configuration(
    { ...metadata, id_token_signing_alg_values_supported: algorithms },
    clientId,
    undefined,
    authenticate(clientSecret),
  );
  configuration[oidc.customFetch] = fetch;
  for (const allow of insecure) allow(configuration);
  // Otherwise a token that came over TLS would be believed without its signature.
  oidc.enableNonRepudiationChecks(configuration);
  return configuration;
}

/** https, and not this machine unless the provider itself is here. */
function isSafe(address: string, isLoopback: boolean): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  if (isLoopbackHost(hostname)) return isLoopback;
  return protocol === "https:";
}

async function identify(
  options: OidcProviderOptions,
  configuration: Configuration,
  callback: URL,
): Promise<Identity> {
  const { name, clientId } = options;
  const { authorizationCodeGrant, fetchUserInfo } = await import("openid-client");
  const state = callback.searchParams.get("state") ?? "";
  const tokens = await authorizationCodeGrant(configuration, callback, {
    pkceCodeVerifier: verifierOf(state),
    expectedState: state,
    expectedNonce: nonceOf(state),
    idTokenExpected: true,
  });
  const claims = tokens.claims() as Claims;
  // Core §3.1.3.7: also when there is but one audience.
  const isOthers = claims.azp !== undefined && claims.azp !== clientId;
  if (isOthers || !fitsAccessToken(claims, tokens)) {
    throw new OAuthError("access_denied", `The answer of ${name} is not valid`, {
      detail: isOthers ? "azp is another client" : "at_hash is of another access token",
    });
  }
  const needs = options.needs();
  const isMissing = wantedClaims(options, needs).some((claim) => claims[claim] === undefined);
  const hasMore = configuration.serverMetadata().userinfo_endpoint !== undefined;
  const more: Partial<UserInfoResponse> =
    isMissing && hasMore ? await fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
  return identityOf(options, needs, [claims, more]);
}

/** Core §3.1.3.6; optional in the code flow, and checked where the hash is SHA-256, as with nearly everybody. */
function fitsAccessToken(
  { at_hash: said }: Claims,
  tokens: { access_token: string; id_token?: string },
): boolean {
  const [header = ""] = (tokens.id_token ?? "").split(".", 1);
  const { alg } = JSON.parse(Buffer.from(header, "base64url").toString()) as { alg: string };
  if (said === undefined || !alg.endsWith("256")) return true;
  const hash = Buffer.from(digest(tokens.access_token), "base64url");
  return said === hash.subarray(0, 16).toString("base64url");
}

function wantedClaims(
  { groupsClaim, emailVerified }: OidcProviderOptions,
  needs: RuleNeeds,
): string[] {
  return [
    "name",
    "email",
    ...(needs.email && emailVerified === "claim" ? ["email_verified"] : []),
    ...(needs.groups.length > 0 && groupsClaim !== undefined ? [groupsClaim] : []),
  ];
}

function identityOf(
  { name, groupsClaim, emailVerified }: OidcProviderOptions,
  needs: RuleNeeds,
  sources: [Claims, Readonly<Record<string, unknown>>],
): Identity {
  const claims: Claims = { ...sources[1], ...sources[0] };
  const said = groupsClaim === undefined ? undefined : claims[groupsClaim];
  const groups = needs.groups.filter((group) =>
    Array.isArray(said) ? said.includes(group) : said === group,
  );
  // The address and what is said of it must stand in the same place, or one could be verified by the other.
  const email = sources.find(
    (source) =>
      typeof source["email"] === "string" &&
      (emailVerified === "always" || source["email_verified"] === true),
  )?.["email"];
  const shown = [claims["name"], claims["preferred_username"]].find(
    (text) => typeof text === "string" && text !== "" && text.length <= 300,
  );
  return {
    subject: `${name}:${claims.sub}`,
    ...(typeof shown === "string" && { name: shown }),
    ...(typeof email === "string" && { email, emailVerified: true }),
    ...(groups.length > 0 && { groups }),
  };
}

/** Every provider knows `login`, not every one an account chooser (OpenID Connect Core §3.1.2.1). */
function otherPrompt(configuration: Configuration): string {
  const known = configuration.serverMetadata()["prompt_values_supported"];
  return Array.isArray(known) && known.includes("select_account") ? "select_account" : "login";
}

function verifierOf(state: string): string {
  return deriveToken(state, "PKCE verifier for an OpenID provider");
}

function nonceOf(state: string): string {
  return deriveToken(state, "nonce for an OpenID provider");
}
