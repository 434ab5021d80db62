/**
 * What services ask of a person (config/credentials.ts), for the pages that say so.
 */
import type { Identity } from "../../auth-info.ts";
import { isAdmitted } from "../admission.ts";
import type { ServerContext } from "../context.ts";
import { all } from "../control/all-records.ts";

/** Those this person may use, with whichever client, and that ask for something. */
export async function askingServices(
  context: ServerContext,
  identity: Identity,
  wanted?: string,
): Promise<string[]> {
  const { store, config, resources } = context;
  const asking = Object.keys(config.services).filter(
    (name) =>
      (wanted === undefined || name === wanted) && Object.keys(askedOf(context, name)).length > 0,
  );
  if (asking.length === 0) return [];
  const grants = await all(store, "grant", { subject: identity.subject });
  return asking.filter((name) =>
    resources.all
      .filter(({ service }) => service === name)
      .some(({ uri: resource }) => {
        const clients = grants.filter((grant) => grant.resource === resource);
        return ["", ...clients.map(({ clientId }) => clientId)].some((clientId) =>
          isAdmitted(context, identity, { clientId, resource }),
        );
      }),
  );
}

/** Whether the service cannot be used before the person has entered something. */
export async function needsCredentials(
  context: ServerContext,
  service: string,
  subject: string,
): Promise<boolean> {
  const required = Object.entries(askedOf(context, service)).filter(([, one]) => !one.optional);
  if (required.length === 0) return false;
  const entered = await context.credentials.entered(service, subject);
  return required.some(([name]) => !entered.has(name));
}

interface Asked {
  label: string;
  help?: string | undefined;
  optional: boolean;
  header?: string;
}

export function askedOf({ config }: ServerContext, name: string): Readonly<Record<string, Asked>> {
  const service = config.services[name];
  return (service && "credentials" in service && service.credentials) || {};
}
