/**
 * An emulated client at a gateway, with a person who allows everything; its metadata document is at a site of the test, if
 * at all.
 */
import { onTestFinished } from "vitest";
import type { Emulation } from "../../src/client/emulation/emulation.ts";
import { callTool } from "../../src/client/emulation/call-tool.ts";
import { emulations } from "../../src/client/emulation/index.ts";
import type { Login, Person } from "../../src/client/emulation/tokens.ts";
import { beginVisit, type ServedDocument, type Visit } from "../../src/client/emulation/visit.ts";
import { createWeb } from "../../src/client/web.ts";
import { approve } from "./form-browser.ts";
import type { TlsSite } from "./tls-site.ts";

export interface Told {
  step: string;
  seen: string;
}

/** @returns the visit, and what it has told so far */
export async function visitAs(
  id: string,
  endpoint: string,
  options: { port?: number; document?: ServedDocument } = {},
): Promise<Visit & { told: Told[] }> {
  const web = await createWeb({ endpoint: new URL(endpoint), allowHttp: false });
  onTestFinished(() => web.close());
  const told: Told[] = [];
  const visit = beginVisit({
    emulation: emulations.get(id)!,
    endpoint: new URL(endpoint),
    web,
    port: 49_152,
    ...options,
    tell: (step, seen) => told.push({ step, seen }),
  });
  return { ...visit, told };
}

export const person: Person = ({ url }) => approve(url);

/** Puts the client's metadata document on a site of the test. @param more members besides the client's own */
export function serveDocument(
  site: TlsSite,
  { document }: Emulation,
  more: Record<string, unknown> = {},
): string {
  const path = new URL(document!.url).pathname;
  const members = { ...document!.members, ...more, client_id: `${site.origin}${path}` };
  return site.serve(path, { body: members });
}

/** Calls the tool `echo` of the echo fixture. @returns what it says */
export async function echo(visit: Visit, { tokens }: Login): Promise<string> {
  const result = await callTool(visit, tokens.access_token, {
    name: "echo",
    arguments: { text: "hello" },
  });
  return JSON.stringify(result);
}
