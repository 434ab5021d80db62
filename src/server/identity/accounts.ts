/**
 * The gateway's own accounts: a name and a password on our login page, or a passkey. Who has one was decided by the operator.
 *
 * An unknown name, a wrong password and an account whose password was never set look alike and take as long. What is typed here
 * can be guessed: oauth/guess-limit.ts counts the tries before they come here.
 *
 * A passkey says itself whose it is, so no name is asked for it, and nobody can learn which accounts have one. Its challenge is
 * as good as this login: callback.ts lets one answer to it come here.
 */
import { passkeyChallenge, type Identity, type LoginForm } from "../../auth-info.ts";
import { OAuthError } from "../../errors.ts";
import type { AccountDirectory, IdentityProvider } from "./identity-provider.ts";

export function createAccountsProvider(options: {
  name: string;
  accounts: AccountDirectory;
}): IdentityProvider {
  const { passkeys } = options.accounts;
  return {
    name: options.name,
    async begin() {
      const form = passkeys ? { ...FORM, passkey: { rpId: passkeys.rpId } } : FORM;
      return { form, pending: {} };
    },
    async finish({ searchParams }): Promise<Identity> {
      const answer = searchParams.get("passkey");
      const account =
        passkeys && answer !== null
          ? await passkeys.verify(answer, passkeyChallenge(searchParams.get("state") ?? ""))
          : await options.accounts.verify(
              searchParams.get("username") ?? "",
              searchParams.get("password") ?? "",
            );
      if (account === undefined) throw new OAuthError("access_denied", NO_MATCH);
      const { name, fullName, email, credential } = account;
      return {
        subject: `${options.name}:${name}`,
        name: fullName ?? name,
        ...(email !== undefined && { email, emailVerified: true }),
        account: { name, credential },
      };
    },
  };
}

const NO_MATCH =
  "That name and password do not belong together. Forgotten? The operator of this gateway can give you a new link.";

const FORM: LoginForm = {
  title: "Log in",
  explanation: "Use the name and password you have at this gateway.",
  button: "Log in",
  fields: [
    { name: "username", label: "Name", type: "text", autocomplete: "username" },
    { name: "password", label: "Password", type: "password", autocomplete: "current-password" },
  ],
};
