/**
 * The token for one MCP server: kept, renewed, widened, given up. Of all processes that share the credentials one at a time
 * does this; see credential-store.ts.
 */
import * as oauth from "oauth4webapi";
import { epochSeconds } from "../clock.ts";
import { UserError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";
import { unite, type Credentials, type CredentialStore } from "./credential-store.ts";
import { discover, discoverServer } from "./discovery.ts";
import { logIn, preregistered, tokensOf, type LoginSettings } from "./login.ts";
import { askOptions, codeOf, explained } from "./oauth-errors.ts";
import { authenticationOf, type OwnClient } from "./registration.ts";

/** Seconds after a login that failed in which the same process does not ask the person again, and another one does not. */
const COOL_DOWN = { own: 60, other: 10 } as const;

/** How a token came to be: found in the store, or asked for. */
export interface Renewed {
  token: string;
  by: "other" | "refresh" | "login";
}

export interface AuthorizerOptions {
  endpoint: URL;
  store: CredentialStore;
  settings: LoginSettings;
  signal: AbortSignal;
  /** Steps, for people who look for a fault; no secrets. */
  trace: (line: string) => void;
}

export class Authorizer {
  readonly #options: AuthorizerOptions;
  #credentials: Credentials | undefined;
  #isLoaded = false;
  /** By what is wanted: who wants less must not decide for who wants more. */
  readonly #running = new Map<string, Promise<Renewed>>();
  #hasFailed = false;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The access token to send; undefined when there is none yet. */
  async token(): Promise<string | undefined> {
    if (!this.#isLoaded) {
      this.#credentials = (await this.#options.store.read()).credentials;
      this.#isLoaded = true;
    }
    const tokens = this.#credentials?.tokens;
    if (tokens?.refreshToken === undefined || !this.#isNearItsEnd()) return tokens?.accessToken;
    // Too early to ask anybody: if the refresh fails, the server will say what it wants.
    const renewed = this.renew(tokens.accessToken, undefined, true);
    return renewed.then(
      ({ token }) => token,
      () => this.#credentials?.tokens?.accessToken,
    );
  }

  /**
   * Another token than the refused one.
   * @param challenge left out when nobody is to be asked
   * @param mayRefresh false when a refreshed one was refused, too
   * @throws UserError
   */
  renew(
    refused: string | undefined,
    challenge: Challenge | undefined,
    mayRefresh: boolean,
  ): Promise<Renewed> {
    const wish = challenge === undefined ? "a refresh" : "any token";
    return this.#once(wish, () => this.#renew(refused, challenge, mayRefresh));
  }

  /**
   * A token with more scopes, RFC 6750 §3.1 insufficient_scope: everything asked for so far, and what is needed now.
   * @returns undefined when we asked for all that already
   */
  async widen(refused: string, challenge: Challenge): Promise<Renewed | undefined> {
    const { scope } = this.#credentials ?? {};
    if (challenge.scope === undefined || unite(scope, challenge.scope) === unite(scope, "")) {
      return undefined;
    }
    return this.#once(`scope ${challenge.scope}`, () => this.#renew(refused, challenge, false));
  }

  /**
   * Have the server take the tokens back (RFC 7009), and forget everything in any case.
   * @returns whether there was anything, and why the server did not take it back
   */
  async forget(): Promise<{ had: boolean; problem?: string }> {
    const { store, settings, endpoint } = this.#options;
    return store.exclusive(async () => {
      const { credentials } = await store.read();
      await store.remove();
      this.#credentials = undefined;
      if (credentials?.tokens === undefined) return { had: credentials !== undefined };
      const { issuer, tokens } = credentials;
      try {
        const server = await discoverServer(issuer, settings.web, issuer === endpoint.origin);
        if (server.revocation_endpoint === undefined) {
          return {
            had: true,
            problem: `${issuer} does not take tokens back; they end by themselves`,
          };
        }
        const client = this.#clientOf(credentials);
        const proof = authenticationOf(server, client);
        for (const token of [tokens.refreshToken, tokens.accessToken]) {
          if (token === undefined) continue;
          const of = { client_id: client.clientId };
          await oauth.processRevocationResponse(
            await oauth.revocationRequest(server, of, proof, token, askOptions(settings.web)),
          );
        }
      } catch (error) {
        return { had: true, problem: (await explained(error, "The revocation", issuer)).message };
      }
      return { had: true };
    }, this.#waiting());
  }

  /** Callers that come together with one wish share one answer. */
  #once(wish: string, task: () => Promise<Renewed>): Promise<Renewed> {
    const running = this.#running.get(wish) ?? task().finally(() => this.#running.delete(wish));
    this.#running.set(wish, running);
    return running;
  }

  /** @param challenge left out when nobody is to be asked */
  async #renew(
    refused: string | undefined,
    challenge: Challenge | undefined,
    mayRefresh: boolean,
  ): Promise<Renewed> {
    const { store, settings, trace } = this.#options;
    const since = settings.clock.now();
    return store.exclusive(async () => {
      const { credentials, failure } = await store.read();
      this.#credentials = credentials;
      const stored = credentials?.tokens;
      if (stored && stored.accessToken !== refused) {
        trace("another process has renewed the token");
        return { token: stored.accessToken, by: "other" };
      }
      let known = credentials;
      if (credentials && stored?.refreshToken !== undefined && mayRefresh) {
        const fresh = await this.#refresh(credentials, stored.refreshToken);
        if (typeof fresh === "object") return this.#keep(fresh, "refresh");
        if (fresh === "dead token") await store.write({ credentials: withoutTokens(credentials) });
        else known = undefined;
      } else if (mayRefresh && settings.clientId === undefined) {
        known = undefined; // nothing shows that it is alive
      }
      if (challenge === undefined) throw new UserError("There is no token any more");
      const pause = this.#hasFailed ? COOL_DOWN.own : COOL_DOWN.other;
      if (failure !== undefined && failure.at > since - pause) throw new UserError(failure.message);
      return this.#keep(await this.#logIn(challenge, known), "login");
    }, this.#waiting());
  }

  async #keep(credentials: Credentials, by: "refresh" | "login"): Promise<Renewed> {
    // On the disk before anybody sees it: who is killed now finds it again.
    await this.#options.store.write({ credentials });
    this.#credentials = credentials;
    return { token: credentials.tokens!.accessToken, by };
  }

  /**
   * @returns what is dead when the server will not refresh: the client, too, where the server itself is another one now
   * @throws UserError when nobody can tell
   */
  async #refresh(
    credentials: Credentials,
    refreshToken: string,
  ): Promise<Credentials | "dead token" | "dead client"> {
    const { endpoint, settings, trace } = this.#options;
    const { issuer, resource, tokens } = credentials;
    const client = this.#clientOf(credentials);
    try {
      const server = await discoverServer(issuer, settings.web, issuer === endpoint.origin);
      const of = { client_id: client.clientId };
      const response = await oauth.refreshTokenGrantRequest(
        server,
        of,
        authenticationOf(server, client),
        refreshToken,
        {
          ...askOptions(settings.web),
          additionalParameters: resource === undefined ? {} : { resource },
        },
      );
      const answer = await oauth.processRefreshTokenResponse(server, of, response);
      trace("refreshed the token");
      return { ...credentials, tokens: tokensOf(answer, settings.clock, tokens) };
    } catch (error) {
      const code = await codeOf(error);
      trace(`the token was not refreshed: ${code ?? "no answer"}`);
      if (code === "invalid_client" || code === "unauthorized_client") return "dead client";
      // Only what the server itself has said ends anything: a network that is down says nothing.
      if (error instanceof UserError) return "dead client";
      const isPassing = code === "temporarily_unavailable" || code === "server_error";
      if (isPassing || (code === undefined && !isRefusal(error))) {
        throw await explained(error, "Refreshing the token", issuer);
      }
      return "dead token";
    }
  }

  async #logIn(challenge: Challenge, known: Credentials | undefined): Promise<Credentials> {
    const { endpoint, settings, signal, store, trace } = this.#options;
    let issuer = endpoint.origin;
    let wasAsked = false;
    const present: LoginSettings["present"] = (page) => {
      wasAsked = true;
      return settings.present(page);
    };
    try {
      const found = await discover(endpoint, challenge, settings.web);
      issuer = found.server.issuer;
      trace(`logging in at ${issuer} for ${found.resource ?? endpoint.href}`);
      return await logIn(endpoint.href, found, known, { ...settings, present }, signal);
    } catch (error) {
      const failed = await explained(error, "The login", issuer);
      if (wasAsked && !signal.aborted) {
        this.#hasFailed = true;
        const failure = { at: settings.clock.now(), message: failed.message };
        await store.write({ ...(known && { credentials: withoutTokens(known) }), failure });
      }
      throw failed;
    }
  }

  /** The client of these credentials, with its secret where that is not stored. */
  #clientOf(credentials: Credentials): OwnClient {
    const given = preregistered(this.#options.settings);
    return given ? { ...credentials.client, ...given } : credentials.client;
  }

  #isNearItsEnd(): boolean {
    const renewAt = this.#credentials?.tokens?.renewAt;
    return renewAt !== undefined && renewAt <= epochSeconds(this.#options.settings.clock);
  }

  #waiting(): { signal: AbortSignal; onWait: (pid: number) => void } {
    const { signal, trace } = this.#options;
    return { signal, onWait: (pid) => trace(`waiting for process ${pid}, which is logging in`) };
  }
}

function withoutTokens(credentials: Credentials): Credentials {
  const rest = { ...credentials };
  delete rest.tokens;
  return rest;
}

/** Whether the token endpoint refused in words that are not those of OAuth. */
function isRefusal(error: unknown): boolean {
  const { cause } = Object(error) as { cause?: unknown };
  if (!(error instanceof oauth.OperationProcessingError)) return false;
  const { status } = Object(cause) as { status?: number };
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
}
