/**
 * The `scope` parameter, RFC 6749 §3.3: a list on the wire, an array everywhere else.
 *
 * Clients ask for what other servers taught them to ask for, so an unknown scope is dropped, never refused (§3.3 lets us
 * "fully or partially ignore" it); the answer's `scope` says what was granted. Only a list that breaks the grammar, or a
 * refresh that wants more than was granted, is `invalid_scope`.
 */
import { OAuthError } from "../../errors.ts";
import { DEFAULT_SCOPES, SCOPES } from "../scopes.ts";

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

/** Those of `scopes` that exist here. */
export function knownScopes(scopes: readonly string[]): string[] {
  return scopes.filter((name) => SCOPES.some((scope) => scope.name === name));
}

/**
 * What an authorization request asks for. A client whose registration names scopes gets none beyond them. When nothing
 * is left that opens a resource the default is added: a token that opens nothing helps nobody.
 * @param registered `scope` of the client's metadata
 */
export function requestedScopes(
  text: string | undefined,
  registered: string | undefined,
): string[] {
  const allowed = registered === undefined ? undefined : new Set(registered.split(" "));
  const known = knownScopes(parseScope(text ?? "")).filter((name) => allowed?.has(name) ?? true);
  const opens = known.some((name) =>
    SCOPES.some((scope) => scope.name === name && scope.opensResource),
  );
  return opens ? known : [...DEFAULT_SCOPES, ...known];
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
