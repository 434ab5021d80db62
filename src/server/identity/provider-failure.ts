/**
 * The provider is in trouble, or refuses this gateway and not the person. Nobody is to blame who reads the page: 502, and the
 * same login may work a moment later. What exactly went wrong is for the operator's log.
 */
import { OAuthError } from "../../errors.ts";
import { PROVIDER_FAILED } from "./identity-provider.ts";

/** @param name of the provider @param detail for the log: no secrets, nothing the provider wrote freely */
export function providerFailure(name: string, detail: string): OAuthError {
  return new OAuthError("temporarily_unavailable", `${name} could not tell who you are`, {
    status: PROVIDER_FAILED,
    detail: `${name}: ${detail}`,
  });
}
