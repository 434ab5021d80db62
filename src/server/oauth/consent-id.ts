/**
 * Under which key the consent of a person is kept, for one client at one resource.
 */
import { digest } from "../../random.ts";
import type { ConsentRecord } from "../store/consent-records.ts";
import type { Operation } from "../store/store.ts";

export function consentId(of: Pick<ConsentRecord, "subject" | "clientId" | "resource">): string {
  return digest(JSON.stringify([of.subject, of.clientId, of.resource]));
}

export function forgetting(consent: ConsentRecord): Operation {
  return { type: "delete", kind: "consent", id: consentId(consent) };
}
