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

export const listFlags = {
  ...holderFlags,
  limit: Flags.integer({ helpValue: "N", min: 1, summary: "At most so many: the newest." }),
};

interface Held {
  clientId: string;
  subject: string;
}

/** @param held oldest first */
export function narrowed<T extends Held>(
  held: readonly T[],
  {
    client,
    subject,
    limit,
  }: { client?: string | undefined; subject?: string | undefined; limit?: number | undefined },
): T[] {
  const fitting = held.filter(
    (one) =>
      one.clientId.startsWith(client ?? "") && (subject === undefined || one.subject === subject),
  );
  return limit === undefined ? fitting : fitting.slice(-limit);
}
