/**
 * Grant type `urn:ietf:params:oauth:grant-type:device_code`, RFC 8628 §3.4. What happens to the code itself is told in
 * device-code.ts.
 *
 * Order: code -> client -> expired? -> decided? -> resource -> redeem. Only while nothing is decided does it count how fast
 * the device asks: an answer that is there is not withheld.
 */
import { epochSeconds } from "../../../clock.ts";
import { OAuthError } from "../../../errors.ts";
import { digest } from "../../../random.ts";
import type { ServerContext } from "../../context.ts";
import type { ClientRecord } from "../../store/client-records.ts";
import type { DeviceCodeRecord } from "../../store/records.ts";
import { issueAccessToken } from "../access-token.ts";
import { pollsTooSoon } from "../device-code.ts";
import { findGrant, stillStands } from "../grant.ts";
import { firstRefreshToken } from "../refresh-rotation.ts";
import { refreshKey } from "../token-binding.ts";
import { answerWithTokens, type GrantType, type TokenResponse } from "./grant-type.ts";

export const deviceCode: GrantType = {
  name: "urn:ietf:params:oauth:grant-type:device_code",
  parameters: ["device_code", "resource"],
  async handle(context, client, parameters, jkt) {
    const code = parameters.get("device_code");
    if (code === undefined) throw new OAuthError("invalid_request", "device_code is required");
    const id = digest(code);
    const record = await context.store.get("deviceCode", id);
    if (record?.clientId !== client.clientId)
      throw invalidCode(record ? "of another client" : "unknown or used");
    if (record.expiresAt <= context.clock.now()) {
      throw new OAuthError("expired_token", "The device code has expired");
    }
    if (record.status === "denied") {
      // 400 at this endpoint (RFC 6749 §5.2).
      throw new OAuthError("access_denied", "The person did not allow it", { status: 400 });
    }
    if (record.status === "pending") {
      throw (await pollsTooSoon(context, id, record))
        ? new OAuthError("slow_down", "Wait 5 seconds longer between polls")
        : new OAuthError("authorization_pending", "The person has not answered yet");
    }
    const resource = parameters.get("resource");
    if (resource !== undefined && context.resources.named(resource)?.uri !== record.resource) {
      throw new OAuthError("invalid_target", "resource is not the one that was authorized");
    }
    return redeem(context, client, { id, seen: record, jkt });
  },
};

async function redeem(
  context: ServerContext,
  client: ClientRecord,
  { id, seen, jkt }: { id: string; seen: DeviceCodeRecord; jkt: string | undefined },
): Promise<TokenResponse> {
  const grant = await findGrant(context, seen.grantId ?? "");
  if (!grant) throw invalidCode("grant ended");
  const accessToken = await issueAccessToken(context, grant, seen.scopes, jkt);
  const mayRefresh = client.metadata.grant_types.includes("refresh_token");
  const refreshToken = mayRefresh
    ? firstRefreshToken(context, grant, refreshKey(client, jkt))
    : undefined;
  const life = grant.expiresAt - epochSeconds(context.clock);
  const isRedeemed = await context.store.transact([
    ...stillStands(grant),
    { type: "check", kind: "deviceCode", id, seen },
    { type: "delete", kind: "deviceCode", id },
    { type: "put", kind: "grant", id: grant.grantId, record: grant, ttl: life },
    accessToken.operation,
    ...(refreshToken ? [refreshToken.operation] : []),
  ]);
  if (!isRedeemed) throw invalidCode("used, or its client or grant ended, meanwhile");
  return answerWithTokens(context, deviceCode.name, accessToken, refreshToken?.token);
}

/** One description for all causes (RFC 6749 §5.2). */
function invalidCode(detail: string): OAuthError {
  return new OAuthError("invalid_grant", "The device code is not valid", {
    detail: `device code ${detail}`,
  });
}
