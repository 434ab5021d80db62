import { Flags } from "@oclif/core";
import { writeFile } from "node:fs/promises";
import { ControlCommand } from "../../client/control-command.ts";
import type { RegisteredClient } from "../../control/answers.ts";
import { createSecretFile, readKeySetFile } from "../../secret.ts";

const GRANT_TYPES = {
  authorization_code: ["authorization_code", "refresh_token"],
  client_credentials: ["client_credentials"],
  "jwt-bearer": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
  "token-exchange": ["urn:ietf:params:oauth:grant-type:token-exchange"],
} as const;

const SECRET_METHODS = { header: "client_secret_basic", body: "client_secret_post" } as const;
const many = { multiple: true, multipleNonGreedy: true } as const;

export default class ClientRegister extends ControlCommand {
  static override summary = "Register an OAuth client by hand.";
  static override description =
    "For clients that cannot register themselves, and for programs that act for themselves. Without --confidential or a key the client is public: it proves itself by PKCE and has no secret.";
  static override examples = [
    "<%= config.bin %> client register --name n8n --redirect-uri https://n8n.example.com/rest/oauth2-credential/callback --confidential",
    "<%= config.bin %> client register --name script --redirect-uri http://127.0.0.1/callback",
    "<%= config.bin %> client register --name ci --grant client_credentials --service files --confidential --secret-file ci.secret",
    "<%= config.bin %> client register --name agent --grant client_credentials --service files --jwks-file agent.jwks.json",
  ];
  static override flags = {
    name: Flags.string({ required: true, summary: "What people see on the consent page." }),
    "redirect-uri": Flags.string({
      ...many,
      helpValue: "URI",
      summary: "Where authorization codes may go; repeat for several.",
    }),
    grant: Flags.option({
      options: Object.keys(GRANT_TYPES) as (keyof typeof GRANT_TYPES)[],
      ...many,
      summary: "How it gets tokens; repeat for several. authorization_code unless told.",
    })(),
    service: Flags.string({
      ...many,
      summary: "Service it may call without a login (client_credentials, jwt-bearer).",
    }),
    introspect: Flags.string({ ...many, summary: "Service whose tokens it may introspect." }),
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
    "jwks-file": Flags.string({
      helpValue: "FILE",
      exclusive: ["confidential", "jwks-uri"],
      summary: "Its public keys, for private_key_jwt instead of a secret.",
    }),
    "jwks-uri": Flags.string({
      helpValue: "URI",
      exclusive: ["confidential"],
      summary: "Where its public keys are, likewise.",
    }),
    scope: Flags.string({ summary: "Scopes it may ask for, separated by spaces; else all." }),
  };

  async run(): Promise<RegisteredClient> {
    const { flags } = await this.parse(ClientRegister);
    const file = flags["secret-file"];
    const jwksFile = flags["jwks-file"];
    const jwks = jwksFile === undefined ? undefined : readKeySetFile(jwksFile);
    const secretMethod = flags.confidential ? SECRET_METHODS[flags["secret-in"]] : "none";
    const hasKeys = jwks !== undefined || flags["jwks-uri"] !== undefined;
    const control = await this.control(flags);
    if (file !== undefined) createSecretFile(file, "--secret-file");
    const { clientSecret, ...client } = await control.registerClient({
      name: flags.name,
      redirectUris: flags["redirect-uri"],
      authMethod: hasKeys ? "private_key_jwt" : secretMethod,
      grantTypes: flags.grant?.flatMap((name) => GRANT_TYPES[name]),
      services: flags.service,
      introspects: flags.introspect,
      jwks,
      jwksUri: flags["jwks-uri"],
      scope: flags.scope,
    });
    if (file !== undefined) await writeFile(file, `${clientSecret}\n`);
    this.printFields({
      "client id": client.clientId,
      "client secret": file === undefined ? clientSecret : `in ${file}`,
      "redirects to": client.redirectUris.join("\n"),
      scope: client.scope,
    });
    const isShown = file === undefined && clientSecret !== undefined;
    if (isShown) this.tell("\nKeep the secret now: the gateway stores only its digest.");
    return { ...client, ...(isShown && { clientSecret }) };
  }
}
