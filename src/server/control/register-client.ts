/**
 * Register a client by command. Unlike one that registers itself it may act without a person (`client_credentials`), exchange
 * tokens and introspect those of a service, because an operator vouches for it and names its bounds.
 */
import { z } from "zod";
import type { RegisterClient } from "../../control/answers.ts";
import { AUTH_METHODS } from "../oauth/client-metadata.ts";
import { grantTypes } from "../oauth/grant-type/index.ts";
import { redirectUriProblem } from "../oauth/redirect-uri.ts";
import { registerClient, type Registered } from "../oauth/registration.ts";
import { ControlFailure, type ControlContext } from "./control-route.ts";

const names = z.array(z.string().max(200)).max(100);

const schema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  redirectUris: z.array(z.string()).max(20).optional(),
  authMethod: z.enum(AUTH_METHODS).optional(),
  grantTypes: names.optional(),
  services: names.optional(),
  introspects: names.optional(),
  jwks: z.unknown().optional(),
  jwksUri: z.string().optional(),
  scope: z.string().optional(),
}) satisfies z.ZodType<RegisterClient>;

/** @throws ControlFailure, OAuthError invalid_client_metadata */
export async function registerByCommand(
  context: ControlContext,
  body: unknown,
): Promise<Registered> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw refused(`${path.join(".") || "The body"}: ${message}`);
  }
  const sent = withDefaults(parsed.data);
  checkRedirectUris(context, sent);
  checkRights(context, sent);
  const { name, scope, services, introspects, jwks, jwksUri } = sent;
  const metadata = {
    ...(sent.redirectUris?.length && { redirect_uris: sent.redirectUris }),
    token_endpoint_auth_method: sent.authMethod ?? "none",
    ...(sent.grantTypes && { grant_types: sent.grantTypes }),
    ...(jwks !== undefined && { jwks }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(name !== undefined && { client_name: name }),
    ...(scope !== undefined && { scope }),
  };
  return registerClient(context, metadata, "command", {
    ...(services && { services }),
    ...(introspects && { introspects }),
  });
}

/** A service's own program that only introspects needs no grant; what it gets opens nothing, for it has no services. */
function withDefaults(sent: RegisterClient): RegisterClient {
  const onlyIntrospects = !sent.grantTypes && sent.introspects && !sent.redirectUris?.length;
  return onlyIntrospects ? { ...sent, grantTypes: ["client_credentials"], services: [] } : sent;
}

/** A program that registers itself keeps its good ones; an operator wants to know before anything is made. */
function checkRedirectUris({ config }: ControlContext, sent: RegisterClient): void {
  const redirects = sent.grantTypes?.includes("authorization_code") ?? true;
  if (redirects && !sent.redirectUris?.length) throw refused("redirectUris: name at least one");
  for (const uri of sent.redirectUris ?? []) {
    const problem = redirectUriProblem(uri, config.registration.redirectSchemes);
    if (problem !== undefined) {
      throw new ControlFailure(400, "invalid_redirect_uri", `Redirect URI ${uri} ${problem}`);
    }
  }
}

function checkRights({ config }: ControlContext, sent: RegisterClient): void {
  const { services = [], introspects = [], authMethod } = sent;
  for (const service of [...services, ...introspects]) {
    if (!Object.hasOwn(config.services, service)) {
      throw refused(
        `There is no service ${service}`,
        `There are: ${Object.keys(config.services).join(", ")}`,
      );
    }
  }
  const unknown = sent.grantTypes?.find((name) => !grantTypes.has(name));
  if (unknown !== undefined) throw refused(`grantTypes: ${unknown} is not supported`);
  const actsForItself = sent.grantTypes?.includes("client_credentials") ?? false;
  if (actsForItself && services.length + introspects.length === 0) {
    throw refused("A client with client_credentials needs at least one service it may call");
  }
  const isPublic = (authMethod ?? "none") === "none";
  if ((actsForItself || introspects.length > 0) && isPublic) {
    throw refused("Such a client must prove itself, by a secret or by a key");
  }
}

function refused(message: string, hint?: string): ControlFailure {
  return new ControlFailure(400, "invalid_request", message, hint);
}
