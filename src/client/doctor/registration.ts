/**
 * Whether the usual clients can become known. What is registered here is deleted again (RFC 7592); a server that has no way
 * to do so gets one client and no more.
 */
import type { AuthorizationServer, Client } from "oauth4webapi";
import { emulations } from "../emulation/index.ts";
import { registerOnce } from "../emulation/register.ts";
import { mcpRemote } from "../emulation/mcp-remote.ts";
import { authorizationPage } from "../emulation/tokens.ts";
import { beginVisit, forgetClients, type Visit } from "../emulation/visit.ts";
import type { Emulation } from "../emulation/emulation.ts";
import { randomId } from "../../random.ts";
import type { Check, CheckGroup } from "./check.ts";
import { failed, Missing, passed, skipped, warning, type Finding } from "./finding.ts";
import { jsonOf, typeOf, type Facts } from "./facts.ts";

const PORT = 49_152; // nobody listens there: nobody is sent there
const NO_WAY_BACK =
  "this server has no way to delete a client again (RFC 7592), and one is enough to leave behind";

/** Servers that keep what is registered. */
const keepers = new WeakSet<Facts>();

export const registration: CheckGroup = {
  title: "Clients",
  checks: [
    {
      id: "registration",
      title: "Clients can make themselves known",
      why: "Without registration or metadata documents every person must enter a client id by hand, and many clients cannot.",
      next: "Offer a registration_endpoint (RFC 7591) or client ID metadata documents.",
      look: async (facts) => {
        const { json } = await facts.server();
        const ways = [
          json["registration_endpoint"] === undefined ? [] : ["registration"],
          json["client_id_metadata_document_supported"] === true ? ["metadata documents"] : [],
        ].flat();
        return ways.length === 0 ? failed("no way") : passed(ways.join(", "));
      },
    },
    ...[...emulations.values()].map(registrationOf),
    {
      id: "iss-parameter",
      title: "iss is sent where it is promised",
      why: "Careful clients refuse an answer without it once the metadata promises it (codex#41836, RFC 9207 §2.4).",
      next: "Send iss in every redirect to a client, errors included, or stop advertising it.",
      look: lookForIss,
    },
    {
      id: "unknown-client",
      title: "A client the server has forgotten is told so",
      why: "401 invalid_client makes clients register anew; anything else locks them out for good (workers-oauth-provider#201).",
      next: 'Answer 401 with {"error":"invalid_client"} at the token endpoint (RFC 6749 §5.2).',
      look: async (facts) => {
        const body = {
          grant_type: "refresh_token",
          refresh_token: randomId(),
          client_id: randomId(),
        };
        const answer = await facts.wire.ask("POST", await facts.endpoint("token_endpoint"), {
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: new URLSearchParams(body).toString(),
        });
        const code = jsonOf(answer)?.["error"];
        const seen = `${answer.status} ${typeof code === "string" ? code : typeOf(answer)}`;
        if (seen === "401 invalid_client") return passed(seen);
        return seen === "400 invalid_client" ? warning(seen) : failed(seen);
      },
    },
  ],
};

function registrationOf(emulation: Emulation): Check {
  const { id, title } = emulation;
  return {
    id: `register-${id}`,
    title: `${title} can register`,
    why: `This is what ${title} sends. When it is refused, its users see no more than that it failed.`,
    next: "Take unknown members and several redirect URIs; drop what cannot be served instead of refusing the whole.",
    look: (facts) => lookAtRegistration(facts, emulation),
  };
}

async function lookAtRegistration(facts: Facts, emulation: Emulation): Promise<Finding> {
  return asClient(facts, emulation, async (_visit, _server, client) => judge(emulation, client));
}

/** Nobody has logged in, so a request that forbids to ask is sent back at once, with an error and with iss. */
async function lookForIss(facts: Facts): Promise<Finding> {
  const { json } = await facts.server();
  if (json["authorization_response_iss_parameter_supported"] !== true) {
    return skipped("not promised; see iss");
  }
  const authorize = (await facts.endpoint("authorization_endpoint")).href;
  return asClient(facts, mcpRemote, async (visit, server, client) => {
    const found = { server: { ...server, authorization_endpoint: authorize } };
    const { url, redirectUri } = await authorizationPage(visit, found, client);
    url.searchParams.set("prompt", "none");
    const { status, headers } = await facts.wire.ask("GET", url);
    const location = headers["location"] ?? "";
    if (!location.startsWith(redirectUri)) return skipped(`${status}, and nobody is sent back`);
    const iss = new URL(location).searchParams.get("iss");
    const isRight = iss?.replace(/^https?:/, "") === server.issuer.replace(/^https?:/, "");
    return isRight ? passed(iss) : failed(iss ?? "not sent");
  });
}

/** Registers, does something, and deletes the client again. @throws Missing, UserError */
async function asClient(
  facts: Facts,
  emulation: Emulation,
  task: (visit: Visit, server: AuthorizationServer, client: Client) => Promise<Finding>,
): Promise<Finding> {
  const { json } = await facts.server();
  const endpoint = (await facts.endpoint("registration_endpoint")).href;
  if (keepers.has(facts)) throw new Missing(NO_WAY_BACK);
  const { web, bare, wire } = facts;
  const visit = { ...beginVisit({ emulation, endpoint: bare, web, port: PORT }), wire };
  const server = { ...json, issuer: String(json["issuer"]), registration_endpoint: endpoint };
  const client = await registerOnce(visit, server);
  const mayBeDeleted = visit.registered.length > 0;
  try {
    return await task(visit, server, client);
  } finally {
    if (!mayBeDeleted || (await forgetClients(visit)) > 0) keepers.add(facts);
  }
}

function judge(emulation: Emulation, client: Record<string, unknown>): Finding {
  const wanted = emulation.registration(PORT);
  const uris = client["redirect_uris"] as string[];
  const lost = wanted.redirect_uris.filter((uri) => !uris.includes(uri));
  if (lost.length > 0) {
    const isNeeded =
      lost.includes(emulation.redirectUri(PORT)) || lost.length === wanted.redirect_uris.length;
    return (isNeeded ? failed : warning)(`without ${lost.join(", ")}`);
  }
  const asked = wanted["token_endpoint_auth_method"] as string;
  const given = (client["token_endpoint_auth_method"] as string | undefined) ?? asked;
  if (asked !== "none" && client["client_secret"] === undefined) return failed("got no secret");
  const grants = (client["grant_types"] as string[] | undefined) ?? ["refresh_token"];
  if (!grants.includes("refresh_token")) return warning("may not refresh its tokens");
  return passed(given);
}
