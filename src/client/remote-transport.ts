/**
 * The way to a gateway elsewhere: its control API at `/admin`, with the access token of a login. A token that has run out is
 * renewed once, by one process at a time (authorizer.ts); nobody is asked to log in here.
 */
import type { ControlTransport } from "../control/transport.ts";
import { EXIT, UserError } from "../errors.ts";
import type { Authorizer } from "./authorizer.ts";
import { readChallenge } from "./challenge.ts";
import type { Web } from "./web.ts";

const TIME = 30_000; // ms for an answer that is not a stream

export function remoteTransport(
  url: string,
  { authorizer, web }: { authorizer: Authorizer; web: Web },
): ControlTransport {
  async function ask(
    { method, path, body, signal }: Parameters<ControlTransport>[0],
    token: string,
  ): Promise<Response> {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    try {
      return await web.send(`${url}/admin${path}`, {
        method,
        headers,
        ...(body !== undefined && { body }),
        signal: signal ?? AbortSignal.timeout(TIME),
      });
    } catch (error) {
      throw signal?.aborted === true ? error : unreachable(url, error);
    }
  }

  return async (question) => {
    const token = await authorizer.token();
    if (token === undefined) throw loggedOut(url);
    let response = await ask(question, token);
    if (response.status === 401) {
      await response.body?.cancel();
      response = await ask(question, await renewed(authorizer, token, url));
    }
    if (response.status < 400) {
      return { status: response.status, text: decoded(response.body ?? []) };
    }
    const text = await response.text();
    if (!isOfControlApi(text)) throw refused(url, response);
    return { status: response.status, text: decoded([Buffer.from(text)]) };
  };
}

/** What a failed connection means to the person who typed the command. */
export function unreachable(url: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const { cause } = Object(error) as { cause?: { code?: string; message?: string } };
  const reason = cause?.code ?? cause?.message ?? (error as Error).message;
  return new UserError(`${url} cannot be reached: ${reason}`, {
    hint: `mcp-gateway doctor ${url} looks for the reason.`,
    exitCode: EXIT.notRunning,
    cause: error,
  });
}

async function renewed(authorizer: Authorizer, token: string, url: string): Promise<string> {
  try {
    return (await authorizer.renew(token, undefined, true)).token;
  } catch (error) {
    // A server that could not be asked has ended nothing.
    if ((await authorizer.token()) === undefined) throw loggedOut(url);
    throw error;
  }
}

function loggedOut(url: string): UserError {
  return new UserError(`The login at ${url} is over`, {
    hint: `Log in again: mcp-gateway login ${url}`,
    exitCode: EXIT.notAuthorised,
  });
}

/** The door itself has refused, or there is none. */
function refused(url: string, { status, headers }: Response): UserError {
  if (status === 404) {
    return new UserError(`${url} offers no remote administration`, {
      hint: "Its operator has to name admins in identity.admins.",
      exitCode: EXIT.notAuthorised,
    });
  }
  const { description } = readChallenge(headers.get("www-authenticate") ?? undefined);
  const isOver = status === 401;
  const reason = description ?? `it answered ${status}`;
  return new UserError(`${url} does not let you administer it: ${reason}`, {
    hint: isOver
      ? `Log in again: mcp-gateway login ${url}`
      : "Its operator has to name you in identity.admins.",
    exitCode: isOver || status === 403 ? EXIT.notAuthorised : EXIT.failed,
  });
}

function isOfControlApi(text: string): boolean {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === "object";
  } catch {
    return false;
  }
}

async function* decoded(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of body) yield decoder.decode(chunk, { stream: true });
}
