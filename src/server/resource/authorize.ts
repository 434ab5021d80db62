/**
 * From a verified caller to a decision: may it use this service?
 */
import type { AuthInfo } from "../../auth-info.ts";
import { OAuthError } from "../../errors.ts";
import { REQUIRED_SCOPE } from "../scopes.ts";

/**
 * @throws OAuthError insufficient_scope (403); the challenge names all scopes of the operation at once, so that a client
 *   steps up in one go
 */
export function authorize(auth: AuthInfo): void {
  if (!auth.scopes.includes(REQUIRED_SCOPE)) {
    throw new OAuthError("insufficient_scope", `this needs the scope ${REQUIRED_SCOPE}`);
  }
}
