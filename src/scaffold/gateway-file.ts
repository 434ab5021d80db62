/**
 * The text of a new mcp-gateway.yaml, with what people want to know above each member.
 */
import { Document, isScalar, isSeq, visit } from "yaml";
import { CLIENT_ID_PLACEHOLDER, type Answers } from "./answers.ts";
import type { Target } from "./target.ts";

const WIDTH = 100; // columns of a remark

export const KEY_ENCRYPTION = "KEY_ENCRYPTION_SECRET";
export const REDIS_URL = "REDIS_URL";
export const REDIS_PASSWORD = "REDIS_PASSWORD";
export const SCHEMA_FILE = "mcp-gateway.schema.json";

export function gatewayFile(answers: Answers, target: Target): string {
  const { domain, identity, services } = answers;
  const issuer = `https://${domain}`;
  const [defaultService] = Object.keys(services);
  return [
    `# yaml-language-server: $schema=./${SCHEMA_FILE}\n`,
    remark(
      "The gateway. Everything that may stand here: mcp-gateway config schema. Every mistake, with its line: mcp-gateway config check. Secrets stand in .env.",
    ),
    "\n",
    remark("The address of people and clients, and the issuer of all tokens: a new one ends them."),
    member({ publicUrl: issuer }),
    remark(
      `path: ${issuer}/<service>/mcp. subdomain: https://<service>.${domain}/mcp, with a certificate for each.`,
    ),
    member({ routing: answers.routing }),
    remark(`The service that is also reachable at ${issuer}/mcp.`),
    member({ defaultService }),
    ...Object.entries(target.config).flatMap(([name, { about, value }]) => [
      remark(about),
      member({ [name]: filled(value, answers) }),
    ]),
    remark(`Who tells the gateway which person it is. ${aboutIdentity(answers)}`),
    remark("allow names who may come in; one match is enough. A service may have its own."),
    member({ identity: { providers: [identity.entry], allow: answers.allow } }),
    remark("Where clients, grants and keys are kept."),
    member({ store: storeOf(answers, target) }),
    remark("What encrypts private keys in the store. With another one, all tokens end."),
    member({ keys: { encryption: `\${${KEY_ENCRYPTION}}` } }),
    remark("The MCP servers. More: mcp-gateway service add, mcp-gateway service catalog."),
    "services:\n",
    ...Object.entries(services).flatMap(([name, { entry, about }]) => [
      ...about.map((sentence) => remark(sentence, 2)),
      indented(member({ [name]: entry }).trimEnd()),
    ]),
  ].join("");
}

function aboutIdentity(answers: Answers): string {
  const { console, entry } = answers.identity;
  if (console === undefined) return `Its own accounts: ${GIVE_ACCOUNT}`;
  const register = `Register it at ${console}, with ${callbackOf(answers)} as its callback or redirect URI.`;
  return entry["clientId"] === CLIENT_ID_PLACEHOLDER
    ? `${register} Its client ID goes in the place of ${CLIENT_ID_PLACEHOLDER}, its secret into .env.`
    : `${register} Its secret goes into .env.`;
}

export const GIVE_ACCOUNT =
  "mcp-gateway user add NAME, where it runs, prints a link at which that person sets a password.";

export function callbackOf({ domain, identity }: Answers): string {
  return `https://${domain}/callback/${identity.name}`;
}

function storeOf({ store }: Answers, { state }: Target): object {
  return store === "redis"
    ? { type: "redis", url: `\${${REDIS_URL}}`, path: state }
    : { type: "lowdb", path: state };
}

function filled(value: unknown, { email }: Answers): unknown {
  return JSON.parse(JSON.stringify(value), (_, one: unknown) => (one === "{email}" ? email : one));
}

/** One member with an empty line after it; lists of words on one line, as people write them. */
function member(value: object): string {
  const document = new Document(value);
  visit(document, {
    Seq(_, node) {
      if (isSeq(node) && node.items.every(isScalar)) node.flow = true;
    },
    Map(_, node) {
      if (node.items.length === 0) node.flow = true;
    },
  });
  return `${document.toString({ lineWidth: 0, flowCollectionPadding: false })}\n`;
}

function indented(text: string): string {
  return `${text.replaceAll(/^(?=.)/gm, "  ")}\n`;
}

function remark(sentence: string, indent = 0): string {
  const begin = `${" ".repeat(indent)}#`;
  const lines = [begin];
  for (const word of sentence.replaceAll(/\s+/g, " ").split(" ")) {
    if (lines.at(-1)!.length + word.length >= WIDTH) lines.push(begin);
    lines.push(`${lines.pop()} ${word}`);
  }
  return `${lines.join("\n")}\n`;
}
