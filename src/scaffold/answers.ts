/**
 * What `init` has to know, and what it makes of what people type. Every answer is checked when it is given: each function
 * throws a sentence that says why it cannot be.
 */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { checkConfigText } from "../config-file.ts";
import { isLoopbackHost } from "../config.ts";

/** Of one service: as it stands in mcp-gateway.yaml, and what is said above it. */
export interface ChosenService {
  readonly entry: Record<string, unknown>;
  readonly about: readonly string[];
}

export interface ChosenProvider {
  /** As it stands in mcp-gateway.yaml. */
  readonly entry: Record<string, unknown> & { readonly type: string };
  readonly name: string;
  /** Where this gateway is registered there; absent where it need not be. */
  readonly console?: string;
}

export interface Answers {
  /** A name only; people reach it by https. */
  readonly domain: string;
  readonly identity: ChosenProvider;
  readonly allow: readonly string[];
  readonly services: Readonly<Record<string, ChosenService>>;
  readonly store: "lowdb" | "redis";
  readonly routing: "path" | "subdomain";
  /** Where the certificate authority writes to. */
  readonly email: string;
}

export const CLIENT_ID_PLACEHOLDER = "YOUR-CLIENT-ID";

export function parseDomain(text: string): string {
  const typed = text.trim().replace(/\/+$/, "");
  if (typed === "") throw new Error("a domain is needed, such as gw.example.com");
  if (/^http:/i.test(typed)) {
    throw new Error("people's logins would travel unprotected; write the domain alone");
  }
  const bare = typed.replace(/^https:\/\//i, "").replace(/\.$/, "");
  if (/[/?#@]/.test(bare)) throw new Error("write the domain alone, without a path");
  if (isIP(bare.replace(/^\[|\]$/g, "")) !== 0) {
    throw new Error("a public certificate needs a name, not an address");
  }
  if (bare.includes(":")) throw new Error("write it without a port; https is at port 443");
  if (bare.startsWith("*")) throw new Error("name the gateway's own host, without *");
  const domain = domainToASCII(bare);
  if (isLoopbackHost(domain) || domain.endsWith(".localhost")) {
    throw new Error("that is this machine only; for this machine there is: mcp-gateway dev");
  }
  if (!domain.includes(".")) throw new Error("that is no full domain, such as gw.example.com");
  const isName = /^(?!.*[.]\d+$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;
  if (!isName.test(domain) || domain.length > 253) throw new Error("that is no name of a host");
  return domain;
}

interface Choice {
  readonly type: "github" | "oidc" | "accounts";
  /** Whether the issuer differs from customer to customer; how it looks. */
  readonly issuer?: string;
  /** Issuers by which it is known. */
  readonly pattern?: RegExp;
  readonly console?: string;
}

const CHOICES: Readonly<Record<string, Choice>> = {
  github: { type: "github", console: "https://github.com/settings/developers (New OAuth app)" },
  google: {
    type: "oidc",
    pattern: /^https:\/\/accounts\.google\.com$/,
    console: "https://console.cloud.google.com/auth/clients (Web application)",
  },
  gitlab: {
    type: "oidc",
    pattern: /^https:\/\/gitlab\./,
    console: "https://gitlab.com/-/user_settings/applications (scopes openid, profile, email)",
  },
  okta: {
    type: "oidc",
    issuer: "https://acme.okta.com",
    pattern: /\.okta(?:preview|-emea)?\.com(?:\/|$)/,
    console: "the admin console, Applications (OIDC, Web application)",
  },
  entra: {
    type: "oidc",
    issuer: "https://login.microsoftonline.com/<tenant>/v2.0",
    pattern: /^https:\/\/login\.microsoftonline\.com\//,
    console: "https://entra.microsoft.com, App registrations (Web)",
  },
  auth0: {
    type: "oidc",
    issuer: "https://acme.auth0.com/",
    pattern: /\.auth0\.com(?:\/|$)/,
    console: "https://manage.auth0.com, Applications (Regular Web Application)",
  },
  keycloak: {
    type: "oidc",
    issuer: "https://keycloak.example.com/realms/<realm>",
    pattern: /\/realms\/[^/]+$/,
    console: "the admin console, Clients (Client authentication on)",
  },
  accounts: { type: "accounts" },
};

export const PROVIDERS = Object.keys(CHOICES);

/** One of PROVIDERS or an issuer's URL; the client ID may follow. */
export function parseIdentity(text: string): ChosenProvider {
  const [word = "", given, ...rest] = text.trim().split(/\s+/);
  if (rest.length > 0) throw new Error("write a provider and, if you have it, its client ID");
  const isUrl = /^https?:\/\//.test(word);
  const preset = isUrl
    ? PROVIDERS.find((name) => CHOICES[name]!.pattern?.test(word))
    : word.toLowerCase();
  const choice = preset === undefined ? undefined : CHOICES[preset];
  if (choice === undefined && !isUrl) {
    throw new Error(`write one of ${PROVIDERS.join(", ")}, or the URL of an OpenID issuer`);
  }
  if (choice?.issuer !== undefined && !isUrl) {
    throw new Error(`write the issuer instead, such as ${choice.issuer}`);
  }
  const name = preset ?? "oidc";
  if (choice?.type === "accounts") {
    if (given !== undefined) throw new Error("accounts of the gateway's own need no client ID");
    return { name, entry: { type: "accounts" } };
  }
  const secret = `\${${name.toUpperCase()}_CLIENT_SECRET}`;
  const provider: ChosenProvider = {
    name,
    console: choice?.console ?? "its administration, as a web application",
    entry: {
      type: choice?.type ?? "oidc",
      ...(choice?.type === "github" ? {} : { name }),
      ...(choice?.type === "oidc" && { preset: name }),
      ...(isUrl && { issuer: word }),
      clientId: given ?? CLIENT_ID_PLACEHOLDER,
      clientSecret: secret,
    },
  };
  refuse({ providers: [provider.entry], allow: [`${name}:*`] });
  return provider;
}

/** Rules as in mcp-gateway.yaml; a bare address and, for GitHub, `@login` are understood, too. */
export function parseAllow(texts: readonly string[], { entry, name }: ChosenProvider): string[] {
  const words = texts.flatMap((text) => text.split(/[\s,]+/)).filter((word) => word !== "");
  if (words.length === 0) {
    throw new Error("name somebody, such as *@example.com; nobody could come in");
  }
  const rules = words.map((word) => {
    if (word.startsWith("@")) return `${name}:${word}`;
    return /^[^:@\s]+@[^:@\s]+$/.test(word) ? `email:${word}` : word;
  });
  refuse({ providers: [entry], allow: rules });
  return [...new Set(rules)];
}

export function parseStore(text: string): Answers["store"] {
  const word = text.trim().toLowerCase();
  if (word === "lowdb" || word === "redis") return word;
  throw new Error("write lowdb or redis");
}

/** Without one it is the postmaster of names, at the host itself (RFC 2142 §7). */
export function parseEmail(text: string | undefined, domain: string): string {
  const email = text ?? `hostmaster@${domain}`;
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return email;
  throw new Error("write an address such as ada@example.com");
}

/** The schema is the judge. */
function refuse(identity: object): void {
  const services = { any: { url: "https://mcp.example.com/mcp" } };
  const config = { publicUrl: "https://gw.example.com", identity, services };
  const [issue] = checkConfigText(JSON.stringify(config)).issues;
  if (issue === undefined) return;
  const at = Number(/^identity\.allow\.(\d+)$/.exec(issue.path)?.[1] ?? Number.NaN);
  const { allow } = identity as { allow: string[] };
  throw new Error(`${Number.isNaN(at) ? "" : `${allow[at]}: `}${issue.message}`);
}
