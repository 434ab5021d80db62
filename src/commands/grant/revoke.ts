import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { GrantSummary } from "../../control/answers.ts";
import { holderFlags, narrowed } from "../../control/list-flags.ts";
import type { ControlClient } from "../../control.ts";
import { EXIT, UserError } from "../../errors.ts";
import { printable } from "../../terminal.ts";

export default class GrantRevoke extends ControlCommand {
  static override summary =
    "End a grant, or all of a client or a person: their tokens and MCP sessions end at once.";
  static override description =
    "Whoever is still allowed may log in and allow the client again; the rules of identity.allow say who is.";
  static override examples = [
    "<%= config.bin %> grant revoke q3fGx0Pz",
    "<%= config.bin %> grant revoke --subject github:583231 --yes",
    "<%= config.bin %> grant revoke --client s6BhdRkqt3 --subject github:583231",
  ];
  static override args = {
    grant: Args.string({ description: "grant id, or its beginning when only one begins so" }),
  };
  static override flags = { ...holderFlags, yes: Flags.boolean({ summary: "Do not ask." }) };

  async run(): Promise<GrantSummary[]> {
    const { args, flags } = await this.parse(GrantRevoke);
    const control = await this.control(flags);
    const grants = await chosen(control, args.grant, flags);
    if (grants.length === 0) {
      this.tell("No grant is alive that fits.");
      return [];
    }
    await this.confirm(`Revoke ${inWords(grants)}?`, flags.yes);
    const revoked: GrantSummary[] = [];
    for (const { grantId } of grants) {
      const grant = await control.revokeGrant(grantId);
      this.log(
        `Revoked ${grantId}: ${grant.accessTokens} access tokens and ${grant.sessions} sessions ended.`,
      );
      revoked.push(grant);
    }
    return revoked;
  }
}

/** @throws UserError exit 2 unless either one is named or some are described */
async function chosen(
  control: ControlClient,
  id: string | undefined,
  flags: { client?: string | undefined; subject?: string | undefined },
): Promise<GrantSummary[]> {
  const isDescribed = flags.client !== undefined || flags.subject !== undefined;
  if ((id !== undefined) === isDescribed) {
    throw new UserError("Name one grant, or say whose with --client or --subject", {
      hint: "mcp-gateway grant list shows which there are.",
      exitCode: EXIT.usage,
    });
  }
  return id === undefined ? narrowed(await control.grants(), flags) : [await control.grant(id)];
}

function inWords(grants: readonly GrantSummary[]): string {
  const [{ grantId, clientId, clientName, subject, resource }] = grants as [GrantSummary];
  if (grants.length > 1) return `${grants.length} grants with all their tokens and sessions`;
  return `grant ${grantId} of ${printable(clientName ?? clientId)} for ${resource}, given by ${subject}`;
}
