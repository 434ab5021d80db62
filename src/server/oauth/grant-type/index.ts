/** The grant types, by name. */
import { authorizationCode } from "./authorization-code.ts";
import { clientCredentials } from "./client-credentials.ts";
import { deviceCode } from "./device-code.ts";
import type { GrantType } from "./grant-type.ts";
import { jwtBearer } from "./jwt-bearer.ts";
import { refreshToken } from "./refresh-token.ts";
import { tokenExchange } from "./token-exchange.ts";

export const grantTypes: ReadonlyMap<string, GrantType> = new Map(
  [authorizationCode, refreshToken, clientCredentials, deviceCode, jwtBearer, tokenExchange].map(
    (grantType) => [grantType.name, grantType],
  ),
);
