import { Flags } from "@oclif/core";
import { writeFile } from "node:fs/promises";
import { BaseCommand } from "../../command.ts";
import type { RegisteredClient } from "../../control.ts";
import { EXIT, UserError } from "../../errors.ts";

export default class ClientRegister extends BaseCommand {
  static override summary = "Register an OAuth client by hand.";
  static override description =
    "For clients that cannot register themselves. Without --confidential the client is public: it proves itself by PKCE and has no secret.";
  static override examples = [
    "<%= config.bin %> client register --name n8n --redirect-uri https://n8n.example.com/rest/oauth2-credential/callback --confidential",
    "<%= config.bin %> client register --name script --redirect-uri http://127.0.0.1/callback",
    "<%= config.bin %> client register --name ci --redirect-uri https://ci.example.com/callback --confidential --secret-file ci.secret",
  ];
  static override flags = {
    name: Flags.string({ required: true, summary: "What people see on the consent page." }),
    "redirect-uri": Flags.string({
      required: true,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "URI",
      summary: "Where authorization codes may go; repeat for several.",
    }),
    confidential: Flags.boolean({ summary: "Give it a secret, shown once." }),
    "secret-in": Flags.option({
      options: ["header", "body"] as const,
      default: "header",
      summary: "Where it sends the secret: client_secret_basic or client_secret_post (claude.ai).",
    })(),
    "secret-file": Flags.string({
      helpValue: "FILE",
      dependsOn: ["confidential"],
      summary: "Write the secret to this new file, readable by you only, instead of showing it.",
    }),
    scope: Flags.string({ summary: "Scopes it may ask for, separated by spaces; else all." }),
  };

  async run(): Promise<RegisteredClient> {
    const { flags } = await this.parse(ClientRegister);
    const file = flags["secret-file"];
    // Before the registration: a secret that cannot be kept would be lost.
    if (file !== undefined) await writeSecret(file, "");
    const { clientSecret, ...client } = await (
      await this.control(flags)
    ).registerClient({
      name: flags.name,
      redirectUris: flags["redirect-uri"],
      authMethod: authMethodFor(flags),
      ...(flags.scope !== undefined && { scope: flags.scope }),
    });
    if (file !== undefined) await writeFile(file, `${clientSecret}\n`);
    this.printFields({
      "client id": client.clientId,
      "client secret": file === undefined ? clientSecret : `in ${file}`,
      "redirects to": client.redirectUris.join("\n"),
      scope: client.scope,
    });
    if (clientSecret !== undefined && file === undefined) {
      this.tell(
        "\nKeep the secret now: the gateway stores only its digest and cannot show it again.",
      );
    }
    return { ...client, ...(file === undefined && clientSecret !== undefined && { clientSecret }) };
  }
}

function authMethodFor(flags: { confidential: boolean; "secret-in": "header" | "body" }) {
  if (!flags.confidential) return "none";
  return flags["secret-in"] === "body" ? "client_secret_post" : "client_secret_basic";
}

/** @throws UserError when the file exists or cannot be written */
async function writeSecret(file: string, secret: string): Promise<void> {
  try {
    await writeFile(file, secret, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new UserError(isThere ? `${file} exists already` : `Cannot write ${file}`, {
      hint: "Name another file with --secret-file.",
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}
