/**
 * Grant type `refresh_token`, RFC 6749 §6. What happens to the token itself is told in refresh-rotation.ts.
 *
 * `scope` may ask for less, for this access token only: the next refresh may ask for all again. `resource` may only repeat
 * the grant's. Either being wrong leaves the refresh token unused.
 */
import { OAuthError } from "../../../errors.ts";
import type { GrantRecord } from "../../store/records.ts";
import { issueAccessToken, type IssuedAccessToken } from "../access-token.ts";
import { rotateRefreshToken } from "../refresh-rotation.ts";
import { narrowedScopes } from "../scope.ts";
import { answerWithTokens, type GrantType } from "./grant-type.ts";

export const refreshToken: GrantType = {
  name: "refresh_token",
  parameters: ["refresh_token", "scope", "resource"],
  async handle(context, client, parameters, jkt) {
    const token = parameters.get("refresh_token");
    if (token === undefined) throw new OAuthError("invalid_request", "refresh_token is required");
    const prepare = async (grant: GrantRecord): Promise<IssuedAccessToken> => {
      const resource = parameters.get("resource");
      if (resource !== undefined && context.resources.named(resource)?.uri !== grant.resource) {
        throw new OAuthError("invalid_target", "resource is not the one that was authorized");
      }
      const scopes = narrowedScopes(parameters.get("scope"), grant.scopes);
      return issueAccessToken(context, grant, scopes, jkt);
    };
    const rotation = await rotateRefreshToken(context, client.clientId, token, prepare, jkt);
    return answerWithTokens(context, "refresh_token", rotation.accessToken, rotation.refreshToken);
  },
};
