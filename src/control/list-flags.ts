/**
 * The flags that make a listing of what is alive shorter.
 */
import { Flags } from "@oclif/core";

/** Whose. */
export const holderFlags = {
  client: Flags.string({
    helpValue: "ID",
    summary: "Only of this client; the id may be shortened.",
  }),
  subject: Flags.string({ helpValue: "SUBJECT", summary: "Only of this person." }),
};

const limit = Flags.integer({ helpValue: "N", min: 1, summary: "At most so many: the newest." });

export const listFlags = { ...holderFlags, limit };

/** Whose credentials, for what. */
export const ownerFlags = {
  service: Flags.string({ helpValue: "NAME", summary: "Only for this service." }),
  subject: holderFlags.subject,
};

export const ownedFlags = { ...ownerFlags, limit };

interface Held {
  clientId?: string;
  service?: string;
  subject: string;
}

interface Wanted {
  client?: string | undefined;
  service?: string | undefined;
  subject?: string | undefined;
  limit?: number | undefined;
}

/** @param held oldest first */
export function narrowed<T extends Held>(held: readonly T[], wanted: Wanted): T[] {
  const { client = "", service, subject, limit: most } = wanted;
  const fitting = held.filter(
    (one) =>
      (one.clientId ?? "").startsWith(client) &&
      (service === undefined || one.service === service) &&
      (subject === undefined || one.subject === subject),
  );
  return most === undefined ? fitting : fitting.slice(-most);
}
