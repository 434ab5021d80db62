/**
 * The remote door to the control API: `/admin/*` at the issuer's own host, with an access token for exactly this resource and
 * the scope `gateway:admin`. Discovery, challenge and DPoP are those of every protected resource.
 *
 * Only whom `identity.admins` names can hold such a token. The rules are asked when it is granted, refreshed and at every
 * use, and what is open ends with the right it was opened with. No page of any origin may call it: it has no CORS.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo } from "../../auth-info.ts";
import { OAuthError } from "../../errors.ts";
import { isAdmin } from "../admission.ts";
import type { ServerContext } from "../context.ts";
import type { ControlApi } from "../control/control-api.ts";
import type { Resource } from "../resources.ts";
import { NotForThem, type Authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { refuse } from "./challenge.ts";
import { holdRight } from "./lasting-right.ts";

/** @returns false when nothing of the administration is at `path`; then nothing was done */
export type AdminDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Promise<boolean>;

export function createAdminDoor(
  context: ServerContext,
  api: ControlApi,
  authenticate: Authenticate,
): AdminDoor {
  return async (request, response, path) => {
    const { admin } = context.resources;
    const below = admin && pathBelow(admin, path);
    if (below === undefined) return false;
    let known: AuthInfo | undefined;
    try {
      const uri = `${new URL(admin!.uri).origin}${path}`;
      const auth = (known = await authenticate(request, response, admin!, { uri }));
      authorize(auth, admin!, [admin!.requiredScope]);
      if (response.destroyed) return true; // gone meanwhile, and told nobody that comes now
      const right = holdRight(context, auth);
      response.on("close", () => right.release());
      const [, query] = (request.url ?? "").split("?", 2);
      const target = query === undefined ? below : `${below}?${query}`;
      await api.answer(request, response, target, { door: "remote", auth, signal: right.signal });
    } catch (error) {
      refuse(context, response, withWhatIsMissing(context, error), admin!, known);
    }
    return true;
  };
}

function pathBelow(admin: Resource, path: string): string | undefined {
  if (path === admin.path) return "/";
  return path.startsWith(`${admin.path}/`) ? path.slice(admin.path.length) : undefined;
}

/** Who is no admin gets no further by another login: 403, and what is missing. */
function withWhatIsMissing(context: ServerContext, error: unknown): unknown {
  if (!(error instanceof NotForThem) || isAdmin(context, error.identity)) return error;
  return new OAuthError(
    "insufficient_scope",
    `only who is named in identity.admins may administer this gateway: its operator would have to add ${error.identity.subject}`,
  );
}
