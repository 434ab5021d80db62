/**
 * From a verified caller to a decision: may it do this here?
 */
import type { AuthInfo } from "../../auth-info.ts";
import { OAuthError } from "../../errors.ts";
import type { Resource } from "../resources.ts";

/** Carries all scopes of the operation, those the caller has included, so that a client steps up in one go. */
export class InsufficientScope extends OAuthError {
  readonly scopes: readonly string[];

  constructor(scopes: readonly string[]) {
    super("insufficient_scope", `this needs the scope ${scopes.join(" ")}`);
    this.scopes = scopes;
  }
}

/**
 * @param needed the scopes of the operation
 * @throws InsufficientScope (403)
 */
export function authorize(auth: AuthInfo, resource: Resource, needed: readonly string[]): void {
  if (needed.every((name) => auth.scopes.includes(name))) return;
  const granted = withIncluded(auth.scopes, resource);
  if (!needed.every((name) => granted.has(name))) throw new InsufficientScope(needed);
}

/** What was granted, and what that is as good as, however far that leads. */
function withIncluded(scopes: readonly string[], resource: Resource): ReadonlySet<string> {
  const granted = new Set(scopes);
  // A set is walked to its end, what is added on the way included.
  for (const name of granted) {
    const scope = resource.scopes.find((one) => one.name === name);
    for (const included of scope?.guards?.includes ?? []) granted.add(included);
  }
  return granted;
}
