/** The grant types, by name. */
import { authorizationCode } from "./authorization-code.ts";
import type { GrantType } from "./grant-type.ts";
import { refreshToken } from "./refresh-token.ts";

export const grantTypes: ReadonlyMap<string, GrantType> = new Map(
  [authorizationCode, refreshToken].map((grantType) => [grantType.name, grantType]),
);
