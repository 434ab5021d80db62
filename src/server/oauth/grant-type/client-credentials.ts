/**
 * Grant type `client_credentials`, RFC 6749 §4.4: a program that acts for itself, with nobody to ask.
 *
 * Nobody's consent stands behind it, so an operator must: only clients registered by command, only with a secret or a key, only
 * for the services and scopes written down then. The subject is the client id (RFC 9068 §2.2); no refresh token comes with
 * it (§4.4.3).
 */
import { OAuthError } from "../../../errors.ts";
import type { ClientRecord } from "../../store/client-records.ts";
import { directResource, directScopes, issueDirectly } from "../direct-grant.ts";
import { answerWithTokens, type GrantType } from "./grant-type.ts";

export const clientCredentials: GrantType = {
  name: "client_credentials",
  parameters: ["scope", "resource"],
  async handle(context, client, parameters, jkt) {
    if (!mayActForItself(client)) {
      throw new OAuthError("unauthorized_client", "The client may not act for itself");
    }
    const { clientId, metadata } = client;
    const resource = directResource(context, client, parameters.get("resource"));
    const scopes = directScopes(resource, parameters.get("scope"), metadata.scope?.split(" "));
    const { client_name: name } = metadata;
    const identity = { subject: clientId, ...(name !== undefined && { name }) };
    const accessToken = await issueDirectly(context, client, { identity, resource, scopes, jkt });
    if (!accessToken) {
      throw new OAuthError("invalid_client", "Client authentication failed", {
        detail: "client revoked meanwhile",
      });
    }
    return answerWithTokens(context, "client_credentials", accessToken, undefined);
  },
};

function mayActForItself({ via, services, metadata }: ClientRecord): boolean {
  return via === "command" && !!services && metadata.token_endpoint_auth_method !== "none";
}
