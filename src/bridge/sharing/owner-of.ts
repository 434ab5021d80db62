import { principalOf, type AuthInfo } from "../../auth-info.ts";
import type { Service } from "../service/service.ts";

/** Callers with the same one share a server: those of one principal, or everybody of a service that is `shared`. */
export function ownerOf(service: Service, auth: AuthInfo): string {
  if (service.config.isolation === "shared") return "everybody";
  // Who runs with credentials that were changed is not joined by anybody.
  return JSON.stringify([principalOf(auth), auth.credentials]);
}
