/**
 * Signing keys in the control API: look at them, replace them.
 */
import { z } from "zod";
import type { RotatedKeys, SigningKeySummary } from "../../control/answers.ts";
import type { Operation } from "../store/store.ts";
import { all } from "./all-records.ts";
import { ControlFailure, type ControlContext, type ControlRoute } from "./control-route.ts";

export const keyRoutes: readonly ControlRoute[] = [
  { method: "GET", path: "/keys", handle: (context) => listKeys(context) },
  { method: "POST", path: "/keys", handle: (context, { body }) => rotateKeys(context, body) },
];

const MOST_AT_ONCE = 500; // operations in one transact

function listKeys({ keys }: ControlContext): Promise<SigningKeySummary[]> {
  return keys.list();
}

const rotation = z.strictObject({ emergency: z.boolean() });

async function rotateKeys(context: ControlContext, body: unknown): Promise<RotatedKeys> {
  const parsed = rotation.safeParse(body);
  if (!parsed.success) {
    throw new ControlFailure(400, "invalid_request", "The body must be { emergency: boolean }");
  }
  const { emergency } = parsed.data;
  // Before the keys are gone: what is issued after that is signed by the new one.
  const dying = emergency ? await all(context.store, "accessToken") : [];
  const rotated = await context.keys.rotate({ isEmergency: emergency });
  // Without their key they are dead already; their records would say otherwise.
  for (let start = 0; start < dying.length; start += MOST_AT_ONCE) {
    const operations = dying
      .slice(start, start + MOST_AT_ONCE)
      .map(({ tokenId }): Operation => ({ type: "delete", kind: "accessToken", id: tokenId }));
    await context.store.transact(operations);
  }
  return { ...rotated, accessTokens: dying.length };
}
