/**
 * The page at which a person adds a passkey: GET gives this browser a challenge, POST takes the key that has signed it.
 *
 * A passkey outlives the login it was added in, so that login must be a fresh one: whoever finds a browser open must prove again
 * who they are. The challenge is bound to the login session and is used up by the first answer, right or wrong.
 */
import type { Request, RequestHandler, Response } from "express";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { formOf } from "../oauth/form.ts";
import { seeOther, serverPath, startVisit } from "../oauth/interaction.ts";
import { findSender, findVisitor, type Visitor } from "../oauth/visitor.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import { PASSKEY_SCRIPT } from "../pages/passkey-form.ts";
import { passkeyPage as passkeyDocument } from "../pages/passkey-page.ts";
import { sendPage } from "../pages/send-page.ts";
import type { AccountRecord } from "../store/account-records.ts";
import { ALGORITHMS, relyingPartyOf, type RelyingParty } from "./passkey-ceremony.ts";
import { accountOf, addPasskey, challengePasskey, passkeysOf } from "./passkeys.ts";

const PAGE = "/account/passkey";
const FRESH = 300; // seconds since the login
const MOST = 20; // passkeys of one account
const LONGEST_LABEL = 60; // UTF-16 units, as the field counts them

export function passkeyPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const visitor = await findVisitor(context, request, response, PAGE);
    const owner = visitor && (await ownerOf(context, response, visitor));
    if (owner) await sendForm(context, request, response, owner);
  };
}

export function passkey(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const visitor = await findSender(context, request, response, PAGE, fields.get("csrf"));
    const owner = visitor && (await ownerOf(context, response, visitor));
    if (!owner) return;
    const { account, party } = owner;
    const label = (fields.get("label") ?? "").replaceAll(/\p{C}/gu, "").trim();
    try {
      await addPasskey(context, party, owner.visitor.secret, {
        account,
        answer: fields.get("passkey") ?? "",
        label: label.slice(0, LONGEST_LABEL).toWellFormed(),
      });
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      context.log.info({ reason: error.detail ?? error.message }, "a passkey was refused");
      return sendForm(context, request, response, owner, `${error.message}.`);
    }
    const at = epochSeconds(context.clock);
    const { subject } = owner.visitor.identity;
    context.events.publish({ type: "account.changed", at, subject, change: "passkey added" });
    seeOther(response, `${serverPath(context, "/account")}?done=added`);
  };
}

interface Owner {
  visitor: Visitor;
  account: AccountRecord;
  party: RelyingParty;
}

/** @returns who may have one more; undefined when the answer has been sent already */
async function ownerOf(
  context: ServerContext,
  response: Response,
  visitor: Visitor,
): Promise<Owner | undefined> {
  const { identity } = visitor;
  const party = relyingPartyOf(context.config);
  const account = await accountOf(context, identity);
  if (!party || !account) {
    sendErrorPage(response, {
      status: 404,
      title: "No passkeys here",
      message: party
        ? "You did not log in with an account of this gateway's own, and only those have passkeys."
        : "This gateway takes no passkeys.",
      hint: "Log in as before.",
    });
    return undefined;
  }
  if ((account.passkeys?.ids.length ?? 0) >= MOST) {
    sendErrorPage(response, {
      status: 409,
      title: "That would be too many",
      message: `An account has at most ${MOST} passkeys.`,
      hint: "Go back to your account and remove one that you do not use.",
    });
    return undefined;
  }
  return { visitor, account, party };
}

/** With a new challenge, so also after a wrong answer only where the login is still a fresh one. */
async function sendForm(
  context: ServerContext,
  request: Request,
  response: Response,
  { visitor, account, party }: Owner,
  problem?: string,
): Promise<void> {
  if (context.clock.now() - visitor.loggedInAt >= FRESH) {
    return startVisit(context, request, response, PAGE);
  }
  const { challenge, userHandle } = await challengePasskey(context, visitor.secret, account);
  const known = await passkeysOf(context, account);
  const page = passkeyDocument({
    action: serverPath(context, PAGE),
    csrf: visitor.csrf,
    name: account.name,
    back: serverPath(context, "/account"),
    host: new URL(context.issuer).host,
    ...(problem !== undefined && { problem }),
    options: {
      challenge,
      rp: { id: party.id, name: party.id },
      user: { id: userHandle, name: account.name, displayName: account.fullName ?? account.name },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: known.map(({ passkey: one }) => ({
        type: "public-key",
        id: one.credentialId,
      })),
      // Discoverable, so that no name has to be typed at the login; the person verified, so that it stands for the password.
      authenticatorSelection: {
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "required",
      },
      attestation: "none",
    },
  });
  sendPage(response, problem === undefined ? 200 : 400, page, { script: PASSKEY_SCRIPT });
}
