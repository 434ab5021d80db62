/**
 * Whoever sits at this machine; for development.
 *
 * Reachable from this machine only: one button, because whoever can press it is already here. Reachable from elsewhere: a
 * one-time code that is printed in the gateway's own terminal, so that again only the person at the machine can log in. The
 * code has about 34 bits; what keeps it from being guessed is that callback.ts counts tries, and that it lives for minutes.
 */
import { userInfo } from "node:os";
import type { Identity, LoginForm, PendingLogin } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { digest, equalInConstantTime, randomUserCode } from "../../random.ts";
import type { IdentityProvider } from "./identity-provider.ts";

const CODE_TTL = 300; // seconds
const CODE_LENGTH = 8;

export interface LocalProviderOptions {
  name: string;
  /** True when the gateway can be reached from another machine. */
  requireCode: boolean;
  /** Shows a code, written XXXX-XXXX, to the person at the terminal. */
  announce: (code: string) => void;
  clock: Clock;
  /** Name of the person; the operating system's unless told. */
  user?: string;
}

export function createLocalProvider(options: LocalProviderOptions): IdentityProvider {
  const { name, requireCode, announce, clock } = options;
  const user = options.user ?? operatingSystemUser();
  return {
    name,
    async begin({ state }) {
      if (!requireCode) return { form: buttonOnly(user), pending: {} };
      const code = randomUserCode(CODE_LENGTH);
      announce(`${code.slice(0, CODE_LENGTH / 2)}-${code.slice(CODE_LENGTH / 2)}`);
      return {
        form: codeForm(),
        pending: { code: codeDigest(code, state), expiresAt: clock.now() + CODE_TTL },
      };
    },
    async finish(callback, pending): Promise<Identity> {
      if (requireCode) checkCode(callback.searchParams, pending, clock.now());
      return { subject: `${name}:${user}`, name: user };
    },
  };
}

/** @throws OAuthError access_denied */
function checkCode(answer: URLSearchParams, pending: PendingLogin, now: number): void {
  const typed = (answer.get("code") ?? "").toUpperCase().replaceAll(/[^A-Z]/g, "");
  const expected = pending["code"];
  const expiresAt = pending["expiresAt"];
  const isRight =
    typeof expected === "string" &&
    equalInConstantTime(codeDigest(typed, answer.get("state") ?? ""), expected);
  if (typeof expiresAt !== "number" || now >= expiresAt) {
    throw new OAuthError("access_denied", "This code has expired. Reload the page to get another.");
  }
  if (!isRight) throw new OAuthError("access_denied", "That is not the code in the terminal.");
}

/** The state is a 256-bit secret that is not stored, so the few bits of the code cannot be found from its digest. */
function codeDigest(code: string, state: string): string {
  return digest(`${state} ${code}`);
}

function buttonOnly(user: string): LoginForm {
  return {
    title: "Log in",
    explanation: "This gateway answers only on this computer, so it needs no password.",
    button: `Continue as ${user}`,
    fields: [],
  };
}

/** Whoever opens it may be a stranger: the name of the account is not theirs to know. */
function codeForm(): LoginForm {
  return {
    title: "Log in with a code",
    explanation:
      "Look at the terminal in which the gateway runs. It has just printed a code for this login.",
    button: "Continue",
    fields: [
      { name: "code", label: "Code in the terminal", type: "text", autocomplete: "one-time-code" },
    ],
  };
}

/** A container may run under a number that has no name. */
function operatingSystemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 0}`;
  }
}
