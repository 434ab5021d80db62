/**
 * Device authorization endpoint, RFC 8628 §3.1.
 *
 * POST with a form body, the client authenticated as at the token endpoint. `resource` and `scope` mean what they mean at
 * the authorization endpoint (RFC 8707 §2, RFC 6749 §3.3).
 */
import type { RequestHandler } from "express";
import { OAuthError } from "../../errors.ts";
import { digest } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { countFromSource } from "../rate-limits.ts";
import { readResource } from "./authorization-request.ts";
import { clientOf } from "./client-authentication.ts";
import { DEVICE_CODE_TTL, POLL_INTERVAL, startDeviceCode } from "./device-code.ts";
import { formOf } from "./form.ts";
import { deviceCode as grantType } from "./grant-type/device-code.ts";
import { boundPending } from "./pending-bound.ts";
import { requestedScopes } from "./scope.ts";

export function deviceAuthorization(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const form = formOf(response);
    const client = clientOf(response);
    const { clientId, metadata } = client;
    if (!metadata.grant_types.includes(grantType.name)) {
      throw new OAuthError("unauthorized_client", "The client has not registered this grant_type");
    }
    await countFromSource(context, "authorizations", request, clientId);
    const resource = readResource(context, form.get("resource"));
    const { deviceCode, userCode } = await startDeviceCode(context, {
      clientId,
      resource,
      scopes: requestedScopes(context, client, { scope: form.get("scope"), resource }),
    });
    await boundPending(context, "deviceCode", digest(deviceCode));
    const page = `${context.issuer}/device`;
    sendJson(response, 200, {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${userCode}`,
      expires_in: DEVICE_CODE_TTL,
      interval: POLL_INTERVAL,
    });
  };
}
