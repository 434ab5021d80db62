/**
 * What the page of a browser may ask and see (CORS): MCP Inspector and other web clients live on it.
 */
import { askBefore, hideFromPage } from "../emulation/browser-rules.ts";
import type { Answer, Sent } from "../emulation/exchange.ts";
import type { CheckGroup } from "./check.ts";
import { failed, Missing, passed } from "./finding.ts";
import { QUESTION, type Facts } from "./facts.ts";

const ORIGIN = "http://localhost:6274"; // of MCP Inspector

export const browsers: CheckGroup = {
  title: "Clients in a browser",
  checks: [
    {
      id: "cors-challenge",
      title: "A page can read the 401",
      why: "Without Access-Control-Expose-Headers: WWW-Authenticate no page learns where to log in (twenty#19836).",
      next: "Send Access-Control-Allow-Origin and expose WWW-Authenticate and Mcp-Session-Id on the 401, too.",
      look: async (facts) => {
        const { url } = await facts.refusal();
        const headers = { ...QUESTION.headers, origin: ORIGIN };
        const answer = await facts.wire.ask("POST", url, { ...QUESTION, headers });
        const { headers: seen } = hideFromPage(answer, ORIGIN);
        if (answer.headers["www-authenticate"] === undefined) {
          throw new Missing("no WWW-Authenticate; see challenge");
        }
        if (seen["www-authenticate"] !== undefined) return passed("WWW-Authenticate is exposed");
        return failed("WWW-Authenticate is not exposed");
      },
    },
    {
      id: "cors-preflight",
      title: "Browsers are allowed to ask",
      why: "A browser asks by OPTIONS before each request of a page; a 401, 404 or 405 there ends it.",
      next: "Let OPTIONS through without a token, and allow Authorization, Content-Type and the Mcp- headers.",
      look: async (facts) => {
        const { url } = await facts.refusal();
        const mcp = { authorization: "", "mcp-protocol-version": "", "mcp-session-id": "" };
        const asked = [sent("POST", url, { ...QUESTION.headers, ...mcp })];
        const version = { "mcp-protocol-version": "" };
        const metadata = await facts.resource().catch(() => undefined);
        if (metadata) asked.push(sent("GET", metadata.answer.url, version));
        const form = { "content-type": "application/json" };
        for (const name of ["token_endpoint", "registration_endpoint"]) {
          const endpoint = await facts.endpoint(name).catch(() => undefined);
          if (endpoint) asked.push(sent("POST", endpoint, form));
        }
        for (const each of asked)
          await askBefore(each, ORIGIN, (preflight) => send(facts, preflight));
        return passed(asked.map((each) => each.url.pathname).join(", "));
      },
    },
    {
      id: "cors-documents",
      title: "A page can read the metadata",
      why: "MCP Inspector fetches every document from its page (routecraft#320, infisical#5192).",
      next: "Send Access-Control-Allow-Origin: * on all of /.well-known/.",
      look: async (facts) => {
        const documents = [await facts.resource(), await facts.server()];
        for (const { answer } of documents) {
          hideFromPage(await get(facts, answer.url), ORIGIN);
        }
        return passed(documents.map(({ answer }) => answer.url.pathname).join(", "));
      },
    },
    {
      id: "cors-errors",
      title: "A page can read why it is refused",
      why: "An error that a browser hides looks like a server that is down (sentry-mcp#509).",
      next: "Send Access-Control-Allow-Origin on errors, too; in Traefik and nginx that needs saying.",
      look: async (facts) => {
        const missing = await get(facts, new URL("/.well-known/no-such-document", facts.bare));
        hideFromPage(missing, ORIGIN);
        const url = await facts.endpoint("token_endpoint");
        const refused = await facts.wire.ask("POST", url, {
          headers: { "content-type": "application/x-www-form-urlencoded", origin: ORIGIN },
          body: "grant_type=refresh_token&refresh_token=none&client_id=nobody",
        });
        hideFromPage(refused, ORIGIN);
        return passed(`${missing.status}, ${refused.status}`);
      },
    },
  ],
};

function get(facts: Facts, url: URL): Promise<Answer> {
  return facts.wire.ask("GET", url, { headers: { origin: ORIGIN } });
}

function sent(method: "GET" | "POST", url: URL, headers: Record<string, string>): Sent {
  return { method, url, headers };
}

function send({ wire }: Facts, { url, headers }: Sent): Promise<Answer> {
  return wire.ask("OPTIONS", url, { headers });
}
