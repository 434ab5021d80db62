/**
 * The metadata of the resource (RFC 9728) and of its authorization server (RFC 8414): there, true, and about this address.
 */
import type { CheckGroup } from "./check.ts";
import { failed, passed, skipped, warning, type Finding } from "./finding.ts";
import { issuerOf, jsonOf, metadataUrls, typeOf, type Facts } from "./facts.ts";

export const resourceMetadata: CheckGroup = {
  title: "Metadata of the resource",
  checks: [
    {
      id: "resource-metadata",
      title: "It is at the well-known path of the endpoint",
      why: "Without it clients invent the endpoints of the authorization server (claude-ai-mcp#716).",
      next: "Serve JSON at /.well-known/oauth-protected-resource followed by the endpoint's path (RFC 9728 §3.1), and route it to the server.",
      look: async (facts) => {
        const answer = await facts.wire.ask("GET", facts.resourceMetadataUrl);
        if (answer.status === 200 && jsonOf(answer)) return passed(facts.resourceMetadataUrl.href);
        return failed(`${answer.status} ${typeOf(answer)} at ${facts.resourceMetadataUrl.href}`);
      },
    },
    {
      id: "resource-metadata-root",
      title: "The well-known path of the whole host is no trap",
      why: "Clients that ask there first must get JSON: the metadata of this endpoint, or an honest 404.",
      next: "Route /.well-known/ to the server; nobody else should answer there.",
      look: (facts) =>
        lookElsewhere(facts, new URL("/.well-known/oauth-protected-resource", facts.bare)),
    },
    {
      id: "resource-metadata-appended",
      title: "The well-known path behind the endpoint is no trap",
      why: "Some clients append it to the address they were given.",
      next: "Answer there with the same document or a JSON 404, and never with a page.",
      look: (facts) => {
        const path = `${facts.bare.pathname.replace(/\/$/, "")}/.well-known/oauth-protected-resource`;
        return lookElsewhere(facts, new URL(path, facts.bare));
      },
    },
    {
      id: "resource",
      title: "It speaks of this address",
      why: "Clients compare it with the URL they dialled and turn away when it is another one (claude-ai-mcp#560, toolhive#4124).",
      next: "Set the public URL in the server's configuration to the address people enter.",
      look: async (facts) => {
        const { resource } = (await facts.resource()).json;
        return sameAddress(resource, facts.bare)
          ? passed(String(resource))
          : failed(`${JSON.stringify(resource)} instead of ${facts.bare.href}`);
      },
    },
    {
      id: "metadata-https",
      title: "All addresses in the metadata are https",
      why: "Behind a proxy that ends TLS servers often write http, and clients refuse it (agentgateway#449).",
      next: "Configure the public https URL, or let the server trust X-Forwarded-Proto.",
      look: async (facts) => {
        if (facts.bare.protocol !== "https:") return skipped("the endpoint itself is http");
        const resource = await facts.resource();
        const server = await facts.server().catch(() => ({ json: {} }));
        const challenge = await facts.challenge().catch(() => ({}));
        const plain = [resource.json, server.json, challenge].flatMap(plainAddresses);
        return plain.length === 0 ? passed("no http among them") : failed(plain.join(", "));
      },
    },
  ],
};

export const serverMetadata: CheckGroup = {
  title: "Authorization server",
  checks: [
    {
      id: "server-metadata",
      title: "Its metadata is where clients look",
      why: "Most clients ask for no other document.",
      next: "Serve /.well-known/oauth-authorization-server (RFC 8414), with the issuer's path behind it if it has one.",
      look: (facts) => lookForServer(facts, "oauth-authorization-server", failed),
    },
    {
      id: "openid-configuration",
      title: "So is its OpenID Connect form",
      why: "Some clients ask for nothing else.",
      next: "Serve the same document at /.well-known/openid-configuration.",
      look: (facts) => lookForServer(facts, "openid-configuration", warning),
    },
    {
      id: "issuer",
      title: "The issuer is one and the same everywhere",
      why: "Clients compare it letter by letter, because a wrong one is an attack (RFC 8414 §3.3, RFC 9207).",
      next: "Write the same issuer into both documents, with or without the slash at its end.",
      look: async (facts) => {
        const { json, issuer } = await facts.server();
        return json["issuer"] === issuer
          ? passed(issuer)
          : failed(`${JSON.stringify(json["issuer"])} instead of ${issuer}`);
      },
    },
    {
      id: "server-host",
      title: "It is on the host of the endpoint",
      why: "claude.ai has been seen not to follow to another host (claude-ai-mcp#214).",
      next: "Serve the authorization server's paths on the MCP host, too, if claude.ai does not get through.",
      look: async (facts) => {
        const host = new URL(issuerOf((await facts.resource()).json)).host;
        return host === facts.bare.host ? passed(host) : warning(host);
      },
    },
    {
      id: "pkce",
      title: "It offers PKCE with S256 and nothing weaker",
      why: "MCP clients refuse a server that does not list S256; plain protects nobody.",
      next: 'List "code_challenge_methods_supported": ["S256"].',
      look: async (facts) => {
        const methods = listOf((await facts.server()).json["code_challenge_methods_supported"]);
        if (!methods.includes("S256")) return failed(methods.join(", ") || "not listed");
        return methods.length === 1 ? passed("S256") : warning(methods.join(", "));
      },
    },
    {
      id: "public-clients",
      title: "Clients without a secret are welcome",
      why: "Editors and terminals have none. claude.ai uses its metadata document only where none is listed beside the flag.",
      next: 'List none in "token_endpoint_auth_methods_supported", or take the metadata document flag away.',
      look: async (facts) => {
        const { json } = await facts.server();
        const methods = listOf(json["token_endpoint_auth_methods_supported"]);
        const takesDocuments = json["client_id_metadata_document_supported"] === true;
        const seen = `${methods.join(", ") || "none listed"}${takesDocuments ? "; metadata documents" : ""}`;
        if (methods.includes("none")) return passed(seen);
        return takesDocuments ? failed(seen) : warning(seen);
      },
    },
    {
      id: "iss",
      title: "It promises iss in its answers",
      why: "Clients of several servers need it against mix-ups (RFC 9207); Codex demands it once it is promised.",
      next: "Send iss with every authorization response, and advertise authorization_response_iss_parameter_supported.",
      look: async (facts) => {
        const { json } = await facts.server();
        return json["authorization_response_iss_parameter_supported"] === true
          ? passed("advertised")
          : warning("not advertised");
      },
    },
    {
      id: "offline-access",
      title: "offline_access is offered, and not demanded",
      why: "ChatGPT goes on only where the server lists it; a resource that lists it makes clients ask for it that must not.",
      next: "List offline_access in scopes_supported of the authorization server only.",
      look: async (facts) => {
        const server = listOf((await facts.server()).json["scopes_supported"]);
        const resource = listOf((await facts.resource()).json["scopes_supported"]);
        if (resource.includes("offline_access")) return warning("listed by the resource");
        return server.includes("offline_access") ? passed("by the server") : warning("not listed");
      },
    },
  ],
};

/** Metadata at a place that is not the proper one may be missing, but not be something else. */
async function lookElsewhere(facts: Facts, url: URL): Promise<Finding> {
  const answer = await facts.wire.ask("GET", url);
  const json = jsonOf(answer);
  if (answer.status === 404) return json ? passed("404") : warning(`404 ${typeOf(answer)}`);
  if (answer.status !== 200 || !json) return failed(`${answer.status} ${typeOf(answer)}`);
  const { resource } = json;
  const isOurs = sameAddress(resource, facts.bare);
  const isAbove =
    typeof resource === "string" &&
    facts.bare.href.startsWith(resource.replace(/^http:/, "https:"));
  return isOurs || isAbove
    ? passed(String(resource))
    : warning(`speaks of ${JSON.stringify(resource)}`);
}

async function lookForServer(
  facts: Facts,
  name: string,
  otherwise: (seen: string) => Finding,
): Promise<Finding> {
  const { issuer } = await facts.server();
  const urls = metadataUrls(issuer.replace(/^http:/, facts.bare.protocol), name);
  const answers = await Promise.all(urls.map((url) => facts.wire.ask("GET", url)));
  const found = answers.find((answer) => answer.status === 200 && jsonOf(answer));
  if (found) return passed(found.url.href);
  return otherwise(answers.map((answer) => `${answer.status} at ${answer.url.href}`).join(", "));
}

/** One slash at the end does not count; the scheme is another check's. */
function sameAddress(resource: unknown, endpoint: URL): boolean {
  const plain = (url: string): string => url.replace(/^https?:/i, "").replace(/\/$/, "");
  return typeof resource === "string" && plain(resource) === plain(endpoint.href);
}

function plainAddresses(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("http://") ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(plainAddresses);
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
