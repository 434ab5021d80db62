/**
 * Who asks the control API, told to that very person.
 */
import type { CallerSummary } from "../../control/answers.ts";
import type { ControlCaller } from "./control-route.ts";

export function describeCaller(url: string, { door, auth }: ControlCaller): CallerSummary {
  if (!auth) return { door, url };
  const { subject, name, email, clientId, scopes, expiresAt } = auth;
  return {
    door,
    url,
    subject,
    ...(name !== undefined && { name }),
    ...(email !== undefined && { email }),
    clientId,
    scopes: [...scopes],
    expiresAt,
  };
}
