/**
 * Login attempts in the control API: which there were, and how each went.
 */
import { z } from "zod";
import type { Attempt, AttemptSummary } from "../../control/attempts.ts";
import { ControlFailure, type ControlContext, type ControlRoute } from "./control-route.ts";

export const attemptRoutes: readonly ControlRoute[] = [
  { method: "GET", path: "/attempts", handle: (context, { query }) => list(context, query) },
  { method: "GET", path: "/attempts/:id", handle: (context, { id }) => show(context, id) },
];

const filter = z.strictObject({
  client: z.string().min(1).optional(),
  state: z.enum(["running", "succeeded", "failed", "stopped"]).optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  since: z.coerce.number().min(0).optional(),
});

async function list(
  { attempts }: ControlContext,
  query: URLSearchParams,
): Promise<AttemptSummary[]> {
  const parsed = filter.safeParse(Object.fromEntries(query));
  if (parsed.success) return attempts.list(parsed.data);
  const { path, message } = parsed.error.issues[0]!;
  throw new ControlFailure(400, "invalid_request", `${path.join(".") || "The query"}: ${message}`);
}

async function show({ attempts }: ControlContext, id: string): Promise<Attempt> {
  const [found, another] = id === "" ? [] : attempts.find(id);
  if (another !== undefined) {
    const hint = "Write more of the id.";
    throw new ControlFailure(409, "ambiguous", `Several attempts begin with ${id}`, hint);
  }
  if (found !== undefined) return found;
  const hint = "mcp-gateway attempt list shows which there are; old ones are forgotten.";
  throw new ControlFailure(404, "not_found", `There is no attempt ${id}`, hint);
}
