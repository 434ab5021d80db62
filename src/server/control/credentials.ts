/**
 * People's credentials in the control API: who has entered what, and an end to it. Never a value.
 */
import type { CredentialSummary } from "../../control/answers.ts";
import { keyOf } from "../credentials.ts";
import type { CredentialRecord } from "../store/credential-records.ts";
import { all } from "./all-records.ts";
import type { ControlContext, ControlRoute } from "./control-route.ts";
import { find } from "./find-record.ts";

// prettier-ignore
export const credentialRoutes: readonly ControlRoute[] = [
  { method: "GET",    path: "/credentials",     handle: (context) => list(context) },
  { method: "GET",    path: "/credentials/:id", handle: (context, { id }) => show(context, id) },
  { method: "DELETE", path: "/credentials/:id", handle: (context, { id }) => remove(context, id) },
];

async function list({ store }: ControlContext): Promise<CredentialSummary[]> {
  const found = (await all(store, "credential")).map(summarize);
  return found.toSorted((a, b) => latest(a) - latest(b));
}

async function show({ store }: ControlContext, id: string): Promise<CredentialSummary> {
  return summarize(await find(store, "credential", id));
}

async function remove(context: ControlContext, id: string): Promise<CredentialSummary> {
  const summary = await show(context, id);
  const { service, subject } = summary;
  await context.credentials.remove(service, subject);
  await context.bridge.end({ service, subject }, "credentials were changed");
  return summary;
}

function summarize({ service, subject, values }: CredentialRecord): CredentialSummary {
  const entered = Object.fromEntries(
    Object.entries(values).map(([name, { setAt }]) => [name, setAt]),
  );
  return { credentialId: keyOf(service, subject), service, subject, entered };
}

function latest({ entered }: CredentialSummary): number {
  return Math.max(...Object.values(entered));
}
