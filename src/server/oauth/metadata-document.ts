/**
 * What a client metadata document must be: its URL, which is the client's id, and what it says
 * (draft-ietf-oauth-client-id-metadata-document §3, §4; MCP Authorization).
 *
 * The URL is taken in one spelling only, the one a URL parser gives back: no upper-case host, no `:443`, no dot segments, no
 * IPv4 address in octal. Two spellings would be two clients that look like one.
 *
 * The metadata are those of RFC 7591 §2 under the rules of every registration, and besides: the document names the URL it is
 * at, it has a name, and no secret. A client anybody can write down has none to share, so it is public or proves itself by
 * a key: `none` (also when the method is left out) or `private_key_jwt`. One that offers both, in
 * `token_endpoint_auth_methods_supported`, may use both: that it is content with `none` is its own word.
 */
import { z } from "zod";
import { OAuthError } from "../../errors.ts";
import type { ClientMetadata } from "../store/client-records.ts";
import { parseStrictJson } from "../strict-json.ts";
import { readClientMetadata, type MetadataPolicy } from "./client-metadata.ts";

const LONGEST_URL = 512; // characters
type Method = "none" | "private_key_jwt";

/** What is ours alone; the rest is read like any registration. */
const schema = z.looseObject({
  client_id: z.string(),
  client_name: z.string().regex(/\S/),
  redirect_uris: z.array(z.string()).min(1),
  token_endpoint_auth_method: z.enum(["none", "private_key_jwt"]).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).max(20).optional(),
});

type Sent = z.infer<typeof schema>;

/** Whether a client id is the URL of a document. Ids that we make never are. */
export function isDocumentUrl(clientId: string): boolean {
  if (clientId.length > LONGEST_URL || !/^https:\/\/[\x21-\x7e]+$/.test(clientId)) return false;
  if (!URL.canParse(clientId)) return false;
  const url = new URL(clientId);
  return (
    url.href === clientId &&
    url.pathname !== "/" &&
    url.username === "" &&
    url.password === "" &&
    !clientId.includes("#")
  );
}

/**
 * @param text the document
 * @throws OAuthError invalid_client that says what is wrong with it
 */
export function readMetadataDocument(
  text: string,
  clientId: string,
  policy: MetadataPolicy = { via: "document", redirectSchemes: [] },
): ClientMetadata {
  const sent = parse(text);
  // Simple string comparison, RFC 3986 §6.2.1.
  if (sent.client_id !== clientId) throw unusable("its client_id is not the URL it is at");
  if (Object.keys(sent).some((name) => name.startsWith("client_secret"))) {
    throw unusable("it carries a client secret");
  }
  const methods = methodsOf(sent);
  return {
    ...read({ ...sent, token_endpoint_auth_method: methods.at(-1) }, policy),
    ...(methods.length > 1 && { token_endpoint_auth_methods_supported: methods }),
  };
}

function parse(text: string): Sent {
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch {
    throw unusable("it is not JSON with one reading");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [member] = parsed.error.issues[0]!.path;
  throw unusable(
    member === undefined ? "it is not a JSON object" : `its ${String(member)} is missing or wrong`,
  );
}

/** The stronger one last; keys nobody has published prove nothing. */
function methodsOf(sent: Sent): Method[] {
  const { token_endpoint_auth_method: preferred, token_endpoint_auth_methods_supported: listed } =
    sent;
  const named = new Set([
    preferred ?? (listed === undefined ? "none" : undefined),
    ...(listed ?? []),
  ]);
  const hasKeys = "jwks" in sent || "jwks_uri" in sent;
  const methods = (["none", "private_key_jwt"] as const).filter(
    (method) => named.has(method) && (method === "none" || hasKeys || !named.has("none")),
  );
  if (methods.length === 0) throw unusable("it offers neither none nor private_key_jwt");
  return methods;
}

function read(sent: object, policy: MetadataPolicy): ClientMetadata {
  try {
    return readClientMetadata(sent, policy).metadata;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw unusable(error.message);
  }
}

function unusable(problem: string): OAuthError {
  return new OAuthError(
    "invalid_client",
    `The client metadata document cannot be used: ${problem}`,
  );
}
