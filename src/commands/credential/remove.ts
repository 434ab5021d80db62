import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { CredentialSummary } from "../../control/answers.ts";
import { narrowed, ownerFlags } from "../../control/list-flags.ts";
import type { ControlClient } from "../../control.ts";
import { EXIT, UserError } from "../../errors.ts";

export default class CredentialRemove extends ControlCommand {
  static override summary =
    "Remove what a person has entered for a service; that person's MCP sessions of it end at once.";
  static override description =
    "At the service itself they stay valid: whoever fears for a token has to revoke it there.";
  static override examples = [
    "<%= config.bin %> credential remove q3fGx0Pz",
    "<%= config.bin %> credential remove --subject github:583231 --yes",
    "<%= config.bin %> credential remove --service github",
  ];
  static override args = {
    credential: Args.string({
      description: "id of credential list, or its beginning when only one begins so",
    }),
  };
  static override flags = { ...ownerFlags, yes: Flags.boolean({ summary: "Do not ask." }) };

  async run(): Promise<CredentialSummary[]> {
    const { args, flags } = await this.parse(CredentialRemove);
    const control = await this.control(flags);
    const credentials = await chosen(control, args.credential, flags);
    if (credentials.length === 0) {
      this.tell("Nobody has entered credentials that fit.");
      return [];
    }
    await this.confirm(`Remove ${inWords(credentials)}?`, flags.yes);
    const removed: CredentialSummary[] = [];
    for (const { credentialId } of credentials) {
      const gone = await control.removeCredential(credentialId);
      this.log(`Removed ${inWords([gone])}.`);
      removed.push(gone);
    }
    return removed;
  }
}

/** @throws UserError exit 2 unless either one is named or some are described */
async function chosen(
  control: ControlClient,
  id: string | undefined,
  flags: { service?: string | undefined; subject?: string | undefined },
): Promise<CredentialSummary[]> {
  const isDescribed = flags.service !== undefined || flags.subject !== undefined;
  if ((id !== undefined) === isDescribed) {
    throw new UserError("Name one by its id, or say which with --service or --subject", {
      hint: "mcp-gateway credential list shows which there are.",
      exitCode: EXIT.usage,
    });
  }
  return id === undefined
    ? narrowed(await control.credentials(), flags)
    : [await control.credential(id)];
}

function inWords(credentials: readonly CredentialSummary[]): string {
  const [{ service, subject, entered }] = credentials as [CredentialSummary];
  if (credentials.length > 1) return `the credentials of ${credentials.length} people and services`;
  return `${Object.keys(entered).join(", ")} of ${subject} for ${service}`;
}
