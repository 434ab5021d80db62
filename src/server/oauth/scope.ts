/**
 * The `scope` parameter, RFC 6749 §3.3: a list on the wire, an array everywhere else.
 *
 * Clients ask for what other servers taught them to ask for, so an unknown scope is dropped, never refused (§3.3 lets us
 * "fully or partially ignore" it); the answer's `scope` says what was granted. Only a list that breaks the grammar, or a
 * refresh that wants more than was granted, is `invalid_scope`.
 */
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { REQUIRED_SCOPE, type Scope } from "../scopes.ts";
import type { ClientRecord } from "../store/client-records.ts";

const MAX_LENGTH = 2000;
/** scope-token, RFC 6749 §3.3, with as many spaces between as people write. */
const GRAMMAR = /^[\x21\x23-\x5b\x5d-\x7e ]*$/;

/**
 * @returns the distinct scopes in the order of the list
 * @throws OAuthError invalid_scope when the list breaks the grammar
 */
export function parseScope(text: string): string[] {
  if (text.length > MAX_LENGTH || !GRAMMAR.test(text)) {
    throw new OAuthError("invalid_scope", "scope must be a list of names separated by spaces");
  }
  return [...new Set(text.split(" ").filter((name) => name !== ""))];
}

/** Those of `names` that exist at a resource. */
export function knownScopes(names: readonly string[], scopes: readonly Scope[]): string[] {
  return names.filter((name) => scopes.some((scope) => scope.name === name));
}

/**
 * What a request that a person will decide on asks for, at one resource. The scope that opens it is always among it: without
 * it a token is good for nothing.
 *
 * A client whose registration names scopes gets none beyond them, with one exception: a client that registered itself
 * wrote its list before any challenge could tell it what a tool needs, so it may ask for the scopes of tools all the same.
 * What an operator has registered is a limit without exception.
 * @param asked.resource one of ours
 * @throws OAuthError invalid_scope when its registration leaves nothing that opens the resource
 */
export function requestedScopes(
  { resources }: Pick<ServerContext, "resources">,
  client: Pick<ClientRecord, "metadata" | "via">,
  asked: { scope: string | undefined; resource: string },
): string[] {
  const { scopes = [], requiredScope = REQUIRED_SCOPE } = resources.named(asked.resource) ?? {};
  const limit = client.metadata.scope?.split(" ");
  const isFree = ({ guards }: Scope): boolean => guards !== undefined && client.via !== "command";
  const allowed = scopes.filter((scope) => (limit?.includes(scope.name) ?? true) || isFree(scope));
  const known = knownScopes(parseScope(asked.scope ?? ""), allowed);
  if (known.includes(requiredScope)) return known;
  // `mcp` opens what every client is here for; more than that is not given to one that was to have less.
  if (requiredScope !== REQUIRED_SCOPE && limit?.includes(requiredScope) === false) {
    throw new OAuthError("invalid_scope", `the client is not registered for ${requiredScope}`);
  }
  return [requiredScope, ...known];
}

/**
 * What a refresh asks for, RFC 6749 §6: the same or less.
 * @throws OAuthError invalid_scope for anything that was not granted
 */
export function narrowedScopes(text: string | undefined, granted: readonly string[]): string[] {
  const wanted = parseScope(text ?? "");
  if (wanted.length === 0) return [...granted];
  if (!wanted.every((name) => granted.includes(name))) {
    throw new OAuthError("invalid_scope", "scope exceeds what was granted");
  }
  return wanted;
}

/** What a person reads about a scope. */
export function inPlainWords(
  { resources }: Pick<ServerContext, "resources">,
  resource: string,
  scope: string,
): string {
  const { scopes = [] } = resources.named(resource) ?? {};
  const text = scopes.find(({ name }) => name === scope)?.explanation ?? scope;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
