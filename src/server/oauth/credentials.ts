/**
 * The page where people enter what services ask of them (config/credentials.ts): GET /credentials shows what is set and what is
 * not, POST sets, replaces or removes. No value is ever shown. `service` in the query leads to one service alone.
 */
import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import {
  credentialsPage as credentialsDocument,
  type AskingService,
} from "../pages/credentials-page.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import { sendPage } from "../pages/send-page.ts";
import { askedOf, askingServices } from "./asked-credentials.ts";
import { formOf } from "./form.ts";
import { seeOther, serverPath } from "./interaction.ts";
import { queryOf } from "./query.ts";
import { findSender, findVisitor } from "./visitor.ts";

const PAGE = "/credentials";
const DONE = ["saved", "removed"] as const;
const LONGEST_CREDENTIAL = 8192; // characters

export function credentialsPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const query = queryOf(request);
    const wanted = query.get("service");
    const page = pageOf(wanted);
    const person = await findVisitor(context, request, response, page);
    if (!person) return;
    const { identity, csrf } = person;
    const names = await askingServices(context, identity, wanted);
    const services = names.map((name) => describe(context, name, identity.subject));
    const document = credentialsDocument({
      identity,
      services: await Promise.all(services),
      action: serverPath(context, page),
      csrf,
      host: new URL(context.issuer).host,
      done: DONE.find((one) => one === query.get("done")),
    });
    sendPage(response, 200, document);
  };
}

export function credentials(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const page = pageOf(queryOf(request).get("service"));
    const person = await findSender(context, request, response, page, fields.get("csrf"));
    if (!person) return;
    const { subject } = person.identity;
    const [service] = await askingServices(context, person.identity, fields.get("for") ?? "");
    if (service === undefined) return sendNoService(response);
    const removed = fields.get("remove");
    if (removed !== undefined) await context.credentials.remove(service, subject, removed);
    else {
      const values = valuesOf(context, service, fields);
      if (!values) return sendBadValue(response);
      await context.credentials.enter(service, subject, values);
    }
    const done = removed === undefined ? "saved" : "removed";
    seeOther(response, `${serverPath(context, page)}${page.includes("?") ? "&" : "?"}done=${done}`);
  };
}

/** Also what the token of its forms is made for: a name that is no service's makes a page without any. */
function pageOf(service: string | undefined): string {
  return service !== undefined && /^[a-z0-9-]{1,63}$/.test(service)
    ? `${PAGE}?service=${service}`
    : PAGE;
}

async function describe(
  context: ServerContext,
  service: string,
  subject: string,
): Promise<AskingService> {
  const entered = await context.credentials.entered(service, subject);
  const asked = Object.entries(askedOf(context, service));
  return {
    service,
    credentials: asked.map(([name, { label, help, optional }]) => ({
      name,
      label,
      help,
      optional,
      setAt: entered.get(name),
    })),
  };
}

/** Fields that were left empty change nothing. @returns undefined when one cannot be carried */
function valuesOf(
  context: ServerContext,
  service: string,
  fields: ReadonlyMap<string, string>,
): Map<string, string> | undefined {
  const values = new Map<string, string>();
  for (const [name, { header }] of Object.entries(askedOf(context, service))) {
    // Pasted with blanks or a line break around it more often than meant so.
    const value = (fields.get(`value.${name}`) ?? "").trim();
    if (value === "") continue;
    const isPlain = header === undefined ? !/\p{Cc}/u.test(value) : /^[\x20-\x7e]+$/.test(value);
    if (!isPlain || value.length > LONGEST_CREDENTIAL) return undefined;
    values.set(name, value);
  }
  return values;
}

function sendNoService(response: Parameters<typeof sendErrorPage>[0]): void {
  sendErrorPage(response, {
    status: 400,
    title: "That service asks for nothing",
    message: "It is not there any more, or it needs no credentials of yours.",
    hint: "Go back to your app and connect again.",
  });
}

function sendBadValue(response: Parameters<typeof sendErrorPage>[0]): void {
  sendErrorPage(response, {
    status: 400,
    title: "That cannot be a credential",
    message: "It is too long, or has a character that cannot be handed on. Nothing was changed.",
    hint: "Go back, copy it once more and enter it again.",
  });
}
