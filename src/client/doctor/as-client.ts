/**
 * The way of one client, step by step: which one it does not get over, and why. Where the browser comes back to this machine
 * the login is real; where it comes back to the client's own site nobody but the client can go on, and that is said.
 */
import { isLoopbackHost } from "../../config/values.ts";
import { UserError } from "../../errors.ts";
import { callTool } from "../emulation/call-tool.ts";
import { discover, knock, type Found } from "../emulation/discover.ts";
import type { Emulation } from "../emulation/emulation.ts";
import { register } from "../emulation/register.ts";
import {
  authorizationPage,
  giveBack,
  logInAs,
  refresh,
  type Login,
  type Person,
} from "../emulation/tokens.ts";
import { beginVisit, forgetClients, type Step, type Visit } from "../emulation/visit.ts";
import { listenOnLoopback, type Loopback } from "../loopback.ts";
import { createWeb } from "../web.ts";
import { failed, passed, skipped, type Finding } from "./finding.ts";
import type { GroupResult, Result } from "./examine.ts";
import { dialled } from "./facts.ts";

const LOGIN_TIME = 300_000; // ms a person has
const ANY_PORT = 49_152;

export interface AsClientOptions {
  url: string;
  emulation: Emulation;
  /** Shows the page to the person; left out where there is nobody to ask. */
  present?: ((page: { url: string; port: number }) => Promise<void>) | false;
  certificates?: readonly string[];
}

interface StepText {
  id: `as-${Step | "document"}`;
  title: string;
  why: string;
  next: string;
}

const OPERATOR = "See the server's log of this minute, and run doctor without --as for the rest.";

/** What is explained of each step, in their order. */
export const asSteps: readonly StepText[] = [
  {
    id: "as-knock",
    title: "It is asked for a token, and told where to get one",
    why: "The client begins with a request that must be refused in the right way.",
    next: OPERATOR,
  },
  {
    id: "as-discover",
    title: "It finds the authorization server",
    why: "Each client looks in an order of its own; it gives up at the first page that is no JSON.",
    next: OPERATOR,
  },
  {
    id: "as-document",
    title: "It names itself by its metadata document",
    why: "The document is the client's, and a login in its name is the client's, too; so it registers here instead.",
    next: "Try it with the client itself if the server takes metadata documents.",
  },
  {
    id: "as-register",
    title: "It becomes known",
    why: "What it registers is what it was seen to send, all its redirect URIs included.",
    next: OPERATOR,
  },
  {
    id: "as-authorize",
    title: "The person can log in",
    why: "The browser is sent to the login page with this client's parameters, and has to come back.",
    next: OPERATOR,
  },
  {
    id: "as-token",
    title: "It gets its tokens",
    why: "It proves itself in its own way, and names the resource in its own spelling.",
    next: OPERATOR,
  },
  {
    id: "as-call",
    title: "Its token opens the server",
    why: "This is where a firewall or another audience shows, after everything looked well.",
    next: OPERATOR,
  },
  {
    id: "as-refresh",
    title: "It renews its token",
    why: "Otherwise people log in again each time the token ends.",
    next: OPERATOR,
  },
];

export async function examineAs(options: AsClientOptions): Promise<GroupResult> {
  const endpoint = dialled(options.url);
  const { certificates, present } = options;
  const web = await createWeb({
    endpoint,
    allowHttp: endpoint.protocol === "http:",
    ...(certificates && { certificates }),
  });
  const { emulation, loopback } = await atHome(options.emulation);
  const port = loopback ? Number(new URL(loopback.redirectUri).port) : ANY_PORT;
  const seen = new Map<string, string>();
  const tell = (step: Step, words: string): void => void seen.set(step, words);
  const visit = beginVisit({ emulation, endpoint, web, port, tell });
  const results: Result[] = [];
  const note = (step: Step | "document", finding: Finding): void => {
    const { id, ...text } = asSteps.find((each) => each.id === `as-${step}`)!;
    results.push({ id, ...text, ...finding });
  };
  const take = async <T>(step: Step, task: () => Promise<T>): Promise<T> => {
    try {
      const value = await task();
      note(step, passed(seen.get(step) ?? ""));
      return value;
    } catch (error) {
      const { message, hint } = error as UserError;
      note(step, { ...failed(message), ...(hint !== undefined && { next: hint }) });
      throw error;
    }
  };
  const group = { title: `As ${emulation.title}`, results };
  try {
    const challenge = await take("knock", () => knock(visit));
    const found = await take("discover", () => discover(visit, challenge));
    const takesDocuments = found.server["client_id_metadata_document_supported"] === true;
    if (emulation.document && takesDocuments) {
      note("document", skipped(`${emulation.document.url} is its own; it registers instead`));
    }
    const client = await take("register", () => register(visit, found));
    if (!present || !loopback) {
      await take("authorize", () => lookAtPage(visit, found, client, tell));
      note("token", skipped(whyHere(emulation, loopback)));
      return group;
    }
    const login = await take("authorize", () =>
      logInAs(visit, found, client, personAt(loopback, port, present)),
    );
    note("token", passed(seen.get("token") ?? ""));
    await goOn(visit, login, take);
    return group;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return group;
  } finally {
    loopback?.close();
    await forgetClients(visit);
    await web.close();
  }
}

async function goOn(
  visit: Visit,
  login: Login,
  take: <T>(step: Step, task: () => Promise<T>) => Promise<T>,
): Promise<void> {
  await take("call", () => callTool(visit, login.tokens.access_token));
  const tokens = await take("refresh", () => refresh(visit, login));
  await giveBack(visit, { ...login, tokens }).catch(() => undefined);
}

/** The client where its browser comes back to this machine, if it ever does: by the redirect it uses, or another of its own. */
async function atHome(
  emulation: Emulation,
): Promise<{ emulation: Emulation; loopback: Loopback | undefined }> {
  const all = [emulation.redirectUri(ANY_PORT), ...emulation.registration(ANY_PORT).redirect_uris];
  const uri = all.find(
    (text) => text.startsWith("http:") && isLoopbackHost(new URL(text).hostname),
  );
  if (uri === undefined) return { emulation, loopback: undefined };
  const { hostname, pathname: path, port } = new URL(uri);
  const isFree = port === String(ANY_PORT) || port === "";
  const loopback = await listenOnLoopback(isFree ? 0 : Number(port), { hostname, path });
  if (!loopback) {
    throw new UserError(`Port ${port} is taken, and ${emulation.title} comes back to no other`, {
      hint: "End the program that listens there (it may be the client itself), and try again.",
    });
  }
  if (uri === all[0]) return { emulation, loopback };
  return { emulation: { ...emulation, redirectUri: () => uri }, loopback };
}

function personAt(
  loopback: Loopback,
  port: number,
  present: (page: { url: string; port: number }) => Promise<void>,
): Person {
  return async ({ url, redirectUri, state }) => {
    const arrived = loopback.answer(state, AbortSignal.timeout(LOGIN_TIME));
    arrived.catch(() => undefined);
    await present({ url: url.href, port });
    try {
      return new URL(`${redirectUri}?${(await arrived).toString()}`);
    } catch (cause) {
      throw new UserError("Nobody came back from the login page", { cause });
    }
  };
}

/** Whether the login page would be shown; nobody logs in. */
async function lookAtPage(
  visit: Visit,
  found: Found,
  client: Parameters<typeof authorizationPage>[2],
  tell: Visit["tell"],
): Promise<void> {
  const { url, redirectUri } = await authorizationPage(visit, found, client);
  const { status, headers } = await visit.wire.ask("GET", url, {
    headers: { accept: "text/html" },
  });
  const location = headers["location"] ?? "";
  const refusal = location.startsWith(redirectUri) && new URL(location).searchParams.get("error");
  if (status >= 400 || refusal) {
    throw new UserError(`The login page answers ${refusal || status}`);
  }
  tell("authorize", `the login page is shown (${status}); nobody has logged in`);
}

function whyHere(emulation: Emulation, loopback: Loopback | undefined): string {
  if (loopback) return "nobody is here to log in; run it in a terminal";
  const { host, protocol } = new URL(emulation.redirectUri(ANY_PORT));
  return `only ${emulation.title} itself receives what comes back to ${protocol}//${host}`;
}
