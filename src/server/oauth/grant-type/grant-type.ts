/**
 * A grant type: one way to ask the token endpoint for tokens (RFC 6749 §1.3). To add one, write a file beside this one and a
 * line in index.ts; metadata and registration follow.
 */
import { epochSeconds } from "../../../clock.ts";
import type { ServerContext } from "../../context.ts";
import type { ClientRecord } from "../../store/client-records.ts";
import type { IssuedAccessToken } from "../access-token.ts";

export interface GrantType {
  /** Value of `grant_type`. */
  readonly name: string;
  /** The parameters it reads; others do not reach it. */
  readonly parameters: readonly string[];
  /** Whether this gateway has it; always when absent. */
  isOffered?(context: ServerContext): boolean;
  /**
   * @param jkt thumbprint of the key the tokens are to be bound to (RFC 9449 §5)
   * @throws OAuthError of RFC 6749 §5.2
   */
  handle(
    context: ServerContext,
    client: ClientRecord,
    parameters: ReadonlyMap<string, string>,
    jkt: string | undefined,
  ): Promise<TokenResponse>;
}

/** Wire shape of RFC 6749 §5.1. `expires_in` and `scope` are always there: clients guess badly. */
export interface TokenResponse {
  access_token: string;
  token_type: "Bearer" | "DPoP";
  /** Seconds. */
  expires_in: number;
  scope: string;
  refresh_token?: string;
  /** RFC 8693 §2.2.1. */
  issued_token_type?: string;
}

/** Say that tokens were issued, to the event bus and to the client. To be called after they are stored. */
export function answerWithTokens(
  context: ServerContext,
  grantType: string,
  accessToken: IssuedAccessToken,
  refreshToken: string | undefined,
): TokenResponse {
  const { clientId, subject, grantId, resource, scopes, issuedAt, expiresAt } = accessToken.record;
  context.events.publish({
    type: "token.issued",
    at: epochSeconds(context.clock),
    clientId,
    subject,
    grantId,
    grantType,
    resource,
    scopes,
  });
  return {
    access_token: accessToken.jwt,
    token_type: accessToken.record.jkt === undefined ? "Bearer" : "DPoP",
    expires_in: expiresAt - issuedAt,
    scope: scopes.join(" "),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  };
}
