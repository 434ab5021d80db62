/**
 * What people have entered for services (server/credentials.ts).
 */
import type { SealedText } from "./sealed-text.ts";

/** All that one person has entered for one service. */
export interface CredentialRecord {
  subject: string;
  service: string;
  /** Random, another one after every change: who runs with an older one must not go on. */
  version: string;
  /** By name in the configuration. Each is bound to its person, service and name. */
  values: { [name: string]: { sealed: SealedText; setAt: number } };
}
