/**
 * GitHub, or a GitHub Enterprise Server: an OAuth app with PKCE.
 *
 * The numeric id is the person; the login may be renamed and taken by somebody else. Organisations, teams and the e-mail
 * address are asked for only when a rule needs them, and of organisations and teams only those that rules name: each by
 * itself, so that a pending invitation, a hidden membership or an organisation that does not trust the app is a plain no. What
 * GitHub does not answer is never a yes.
 *
 * The code verifier is derived from the state, a secret that is not stored; so nothing need be remembered meanwhile. The
 * access token is used within `finish` and kept nowhere.
 */
import { z } from "zod";
import type { Identity } from "../../auth-info.ts";
import type { RuleNeeds } from "../../config/allow.ts";
import { messageOf, OAuthError } from "../../errors.ts";
import { deriveToken, digest } from "../../random.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import { providerFailure } from "./provider-failure.ts";
import type { ProviderFetch } from "./provider-fetch.ts";

export interface GitHubProviderOptions {
  name: string;
  clientId: string;
  clientSecret: string;
  /** `https://github.com`, or the address of a GitHub Enterprise Server. */
  baseUrl: string;
  fetch: ProviderFetch;
  /** What the rules in force want to know. */
  needs: () => RuleNeeds;
}

const tokenSchema = z.union([
  z.object({ error: z.string() }),
  z.object({
    access_token: z.string().regex(/^[!-~]{1,1000}$/),
    token_type: z.string(),
    scope: z.string().default(""),
  }),
]);
const userSchema = z.object({
  id: z.int().positive(),
  login: z.string().min(1).max(100),
  name: z.string().max(300).nullish(),
});
const emailsSchema = z.array(
  z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }),
);
const membershipSchema = z.object({ state: z.string() });

/** Scopes that include another one; GitHub names only the wider one then. */
const INCLUDED_IN: Readonly<Record<string, readonly string[]>> = {
  "read:org": ["read:org", "write:org", "admin:org"],
  "user:email": ["user:email", "user"],
};

export function createGitHubProvider(options: GitHubProviderOptions): IdentityProvider {
  const { name, clientId } = options;
  const base = options.baseUrl.replace(/\/$/, "");
  return {
    name,
    async begin({ callback, state, asOther }) {
      const location = new URL(`${base}/login/oauth/authorize`);
      location.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: callback.href,
        scope: scopesFor(options.needs()).join(" "),
        state,
        code_challenge: digest(verifierOf(state)),
        code_challenge_method: "S256",
        ...(asOther === true && { prompt: "select_account" }),
      }).toString();
      return { location, pending: {} };
    },
    async finish(callback, _pending): Promise<Identity> {
      const needs = options.needs();
      const code = codeOf(name, callback.searchParams);
      try {
        const token = await exchange(options, base, callback, code);
        const missing = scopesFor(needs).find(
          (scope) => !INCLUDED_IN[scope]!.some((granted) => token.scopes.includes(granted)),
        );
        if (missing !== undefined) {
          throw new OAuthError("access_denied", `${name} did not grant ${missing}; log in again`);
        }
        return await identify(options, apiOf(base), token.value, needs);
      } catch (error) {
        if (error instanceof OAuthError) throw error;
        throw providerFailure(name, messageOf(error));
      }
    },
  };
}

function scopesFor({ organizations, email }: RuleNeeds): string[] {
  return [...(organizations.length > 0 ? ["read:org"] : []), ...(email ? ["user:email"] : [])];
}

function verifierOf(state: string): string {
  return deriveToken(state, "PKCE verifier for GitHub");
}

/** An Enterprise Server has it below its own address, the cloud with or without data residency beside it. */
function apiOf(base: string): string {
  const { protocol, hostname } = new URL(base);
  const isCloud = hostname === "github.com" || hostname.endsWith(".ghe.com");
  return isCloud ? `${protocol}//api.${hostname}` : `${base}/api/v3`;
}

/** @throws OAuthError access_denied for the person's no, a provider failure when it is the app that GitHub refuses */
function codeOf(name: string, answer: URLSearchParams): string {
  const error = answer.get("error");
  if (error === "access_denied") {
    throw new OAuthError("access_denied", `You did not allow it at ${name}`);
  }
  if (error !== null) throw providerFailure(name, `answers with the error ${plain(error)}`);
  const code = answer.get("code");
  if (code === null) throw new OAuthError("access_denied", `${name} sent no code`);
  return code;
}

async function exchange(
  { name, clientId, clientSecret, fetch }: GitHubProviderOptions,
  base: string,
  callback: URL,
  code: string,
): Promise<{ value: string; scopes: string[] }> {
  const response = await fetch(`${base}/login/oauth/access_token`, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      code,
      redirect_uri: `${callback.origin}${callback.pathname}`,
      code_verifier: verifierOf(callback.searchParams.get("state") ?? ""),
    }),
  });
  if (response.status !== 200) {
    throw providerFailure(name, `the token endpoint answers ${response.status}`);
  }
  const answer = tokenSchema.parse(await jsonOf(name, response));
  if ("error" in answer) {
    if (answer.error === "bad_verification_code") {
      throw new OAuthError("access_denied", `${name} does not know this login any more`);
    }
    throw providerFailure(name, `the token endpoint answers ${plain(answer.error)}`);
  }
  if (answer.token_type.toLowerCase() !== "bearer") {
    throw providerFailure(name, "gives tokens of an unknown type");
  }
  return { value: answer.access_token, scopes: answer.scope.split(/[\s,]+/) };
}

async function identify(
  { name, fetch }: GitHubProviderOptions,
  api: string,
  token: string,
  needs: RuleNeeds,
): Promise<Identity> {
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${api}${path}`, {
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "user-agent": "mcp-gateway",
        "x-github-api-version": "2022-11-28",
      },
    });
    const { status } = response;
    if (status === 200) return jsonOf(name, response);
    const isLimited = status === 429 || response.headers.get("x-ratelimit-remaining") === "0";
    if (isLimited || response.headers.has("retry-after")) {
      throw providerFailure(name, "limits how often it is asked");
    }
    if (status === 404 || status === 403) return undefined;
    if (status === 401) throw providerFailure(name, "does not accept the token it has just given");
    throw providerFailure(name, `answers ${status}`);
  };
  const isMember = async (path: string): Promise<boolean> => {
    const membership = await ask(path);
    return membership !== undefined && membershipSchema.parse(membership).state === "active";
  };

  const user = userSchema.parse(await ask("/user"));
  const [emails, memberships] = await Promise.all([
    needs.email ? ask("/user/emails") : undefined,
    Promise.all(needs.organizations.map((each) => isMember(membershipPath(each, user.login)))),
  ]);
  const email = emailsSchema.parse(emails ?? []).find(({ primary }) => primary);
  const organizations = needs.organizations.filter((_each, index) => memberships[index]);
  return {
    subject: `${name}:${user.id}`,
    name: user.name ?? user.login,
    login: user.login,
    ...(email?.verified === true && { email: email.email, emailVerified: true }),
    ...(organizations.length > 0 && { organizations }),
  };
}

/** @param place `acme`, or `acme/platform` for a team */
function membershipPath(place: string, login: string): string {
  const [organization = "", team] = place.split("/").map(encodeURIComponent);
  return team === undefined
    ? `/user/memberships/orgs/${organization}`
    : `/orgs/${organization}/teams/${team}/memberships/${encodeURIComponent(login)}`;
}

/** What is no JSON is not quoted: it may hold the token. */
async function jsonOf(name: string, response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw providerFailure(name, "answers with something other than JSON");
  }
}

/** An error code, or that it is none. */
function plain(code: string): string {
  return /^\w{1,64}$/.test(code) ? code : "of no known form";
}
