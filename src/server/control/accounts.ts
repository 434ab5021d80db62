/**
 * The gateway's own accounts in the control API: give one, give new access to one, take one away.
 *
 * What a person has allowed ends in the same step as the account or its password. A login that is under way in that instant
 * cannot add to it: it checks the account when it writes (`checksOfLogin`).
 */
import { z } from "zod";
import { epochSeconds } from "../../clock.ts";
import type { AccountSummary, GivenAccess, RemovedAccount } from "../../control/accounts.ts";
import { ACCOUNT_NAME } from "../../config/accounts.ts";
import type { IdentityProviderConfig } from "../../config.ts";
import type { GatewayEvent } from "../../events.ts";
import { personOf, prepareAccess, type Access } from "../accounts/accounts.ts";
import { endPasskeys } from "../accounts/passkeys.ts";
import { passwordProblem } from "../accounts/password-rules.ts";
import { mayComeIn } from "../admission.ts";
import type { AccountRecord } from "../store/account-records.ts";
import type { Operation } from "../store/store.ts";
import { all, records } from "./all-records.ts";
import { ControlFailure, type ControlContext, type ControlRoute } from "./control-route.ts";
import { grantsOf, isOf, transactEnding } from "./end-person.ts";

/** It is said by the two rows that hand out a link or take a password. */
const localOnly =
  "it hands out a way to log in, with which its reader could come in as somebody else";

// prettier-ignore
export const accountRoutes: readonly ControlRoute[] = [
  { method: "GET",    path: "/accounts",     handle: (context) => listAccounts(context) },
  { method: "POST",   path: "/accounts",     localOnly, handle: (context, { body }) => addAccount(context, body) },
  { method: "GET",    path: "/accounts/:id", handle: (context, { id }) => showAccount(context, id) },
  { method: "POST",   path: "/accounts/:id", localOnly, handle: (context, { id, body }) => resetAccount(context, id, body) },
  { method: "DELETE", path: "/accounts/:id", handle: (context, { id }) => removeAccount(context, id) },
];

const ATTEMPTS = 5;

const password = z.string().optional();
const addition = z.strictObject({
  name: z
    .string()
    .regex(
      ACCOUNT_NAME,
      "lower-case letters, digits and . _ - only, at most 63, no sign at its beginning",
    ),
  fullName: z.string().trim().min(1).max(200).optional(),
  email: z.email().max(254).optional(),
  password,
});
const resetting = z.strictObject({ password, endGrants: z.boolean().optional() });

async function listAccounts(context: ControlContext): Promise<AccountSummary[]> {
  providerOf(context);
  const grants = await all(context.store, "grant");
  return (await all(context.store, "account"))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((account) => summarize(context, account, grants.filter(isOf(account.name)).length));
}

async function showAccount(context: ControlContext, name: string): Promise<AccountSummary> {
  const account = await find(context, name);
  return summarize(context, account, (await grantsOf(context, name)).length);
}

async function addAccount(context: ControlContext, body: unknown): Promise<GivenAccess> {
  const { password: given, name, fullName, email } = parse(addition, body);
  const account = {
    name,
    ...(fullName !== undefined && { fullName }),
    ...(email !== undefined && { email }),
    createdAt: epochSeconds(context.clock),
  };
  const access = accessFor(context, account, given);
  const prepared = await prepareAccess(context, account, undefined, access);
  if (!(await context.store.transact(prepared.operations))) {
    const hint = `For a new link: mcp-gateway user reset ${name}`;
    throw new ControlFailure(409, "exists", `There is an account ${name} already`, hint);
  }
  publish(context, name, "added");
  return { ...withLink(context, prepared), ended: { grants: 0, accessTokens: 0, sessions: 0 } };
}

async function resetAccount(
  context: ControlContext,
  name: string,
  body: unknown,
): Promise<GivenAccess> {
  const { password: given, endGrants = false } = parse(resetting, body);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seen = await find(context, name);
    const access = accessFor(context, seen, given);
    const prepared = await prepareAccess(context, personOf(seen), seen, access);
    const ended = await transactEnding(
      context,
      prepared.operations,
      endGrants ? { name, subject: subjectOf(context, name) } : undefined,
      "revoked by operator",
    );
    if (!ended) continue;
    publish(context, name, "reset");
    const { length } = await grantsOf(context, name);
    return { ...withLink(context, prepared, length), ended };
  }
  throw busy(name);
}

async function removeAccount(context: ControlContext, name: string): Promise<RemovedAccount> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seen = await find(context, name);
    const operations: Operation[] = [
      { type: "check", kind: "account", id: name, seen },
      { type: "delete", kind: "account", id: name },
      ...endPasskeys(seen),
    ];
    if (seen.invitation) {
      operations.push({ type: "delete", kind: "invitation", id: seen.invitation.id });
    }
    // Whoever gets the name next must not go on with another person's secrets.
    const subject = subjectOf(context, name);
    for await (const { id } of records(context.store, "credential", { subject })) {
      operations.push({ type: "delete", kind: "credential", id });
    }
    const ended = await transactEnding(context, operations, { name, subject }, "account removed");
    if (!ended) continue;
    publish(context, name, "removed");
    return { name, ended };
  }
  throw busy(name);
}

function accessFor(
  context: ControlContext,
  account: Pick<AccountRecord, "name" | "fullName" | "email">,
  given: string | undefined,
): Access {
  const { passwordLength, invitation } = providerOf(context);
  if (given === undefined) return { invitation };
  const problem = passwordProblem(given, account, passwordLength);
  if (problem !== undefined) throw new ControlFailure(400, "bad_password", problem);
  return { password: given };
}

function withLink(
  context: ControlContext,
  { record, token }: { record: AccountRecord; token?: string },
  grants = 0,
): Omit<GivenAccess, "ended"> {
  const { invitation } = record;
  const url = `${context.issuer}/invitation?code=${token}`;
  return {
    ...summarize(context, record, grants),
    ...(token !== undefined &&
      invitation && { invitation: { url, expiresAt: invitation.expiresAt } }),
  };
}

function summarize(
  context: ControlContext,
  account: AccountRecord,
  grants: number,
): AccountSummary {
  const { name, fullName, email, createdAt, invitation } = account;
  const subject = subjectOf(context, name);
  const isOpen = invitation !== undefined && invitation.expiresAt > context.clock.now();
  return {
    name,
    subject,
    ...(fullName !== undefined && { fullName }),
    ...(email !== undefined && { email }),
    createdAt,
    state: account.password ? "active" : isOpen ? "invited" : "expired",
    ...(invitation && { invitedUntil: invitation.expiresAt }),
    isAllowed: mayComeIn(context, {
      subject,
      ...(email !== undefined && { email, emailVerified: true }),
    }),
    grants,
    passkeys: account.passkeys?.ids.length ?? 0,
  };
}

/** @throws ControlFailure when the configuration has no such provider */
function providerOf({
  config,
}: Pick<ControlContext, "config">): Extract<IdentityProviderConfig, { type: "accounts" }> {
  for (const provider of config.identity.providers) {
    if (provider.type === "accounts") return provider;
  }
  throw new ControlFailure(
    409,
    "no_accounts",
    "This gateway has no accounts of its own",
    "Add { type: accounts } to identity.providers in mcp-gateway.yaml and restart the gateway.",
  );
}

async function find(context: ControlContext, name: string): Promise<AccountRecord> {
  const account = await context.store.get("account", name);
  if (account) return account;
  const hint = "mcp-gateway user list shows which there are.";
  throw new ControlFailure(404, "not_found", `There is no account ${name}`, hint);
}

function subjectOf(context: ControlContext, name: string): string {
  return `${providerOf(context).name}:${name}`;
}

function publish(
  context: ControlContext,
  name: string,
  change: Extract<GatewayEvent, { type: "account.changed" }>["change"],
): void {
  const at = epochSeconds(context.clock);
  context.events.publish({
    type: "account.changed",
    at,
    subject: subjectOf(context, name),
    change,
  });
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new ControlFailure(400, "invalid_request", `${path.join(".") || "The body"}: ${message}`);
}

function busy(name: string): ControlFailure {
  return new ControlFailure(
    409,
    "busy",
    `${name} is busy in this moment`,
    "Run the command again.",
  );
}
