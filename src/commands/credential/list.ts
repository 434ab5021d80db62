import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { CredentialSummary } from "../../control/answers.ts";
import { narrowed, ownedFlags } from "../../control/list-flags.ts";
import { formatDuration } from "../../duration.ts";

export default class CredentialList extends ControlCommand {
  static override summary = "List who has entered which credentials for which service.";
  static override description = "What they are is encrypted, and shown to nobody.";
  static override examples = [
    "<%= config.bin %> credential list",
    "<%= config.bin %> credential list --service github --subject github:583231",
    "<%= config.bin %> credential list --limit 20 --json",
  ];
  static override flags = ownedFlags;

  async run(): Promise<CredentialSummary[]> {
    const { flags } = await this.parse(CredentialList);
    const credentials = narrowed(await (await this.control(flags)).credentials(), flags);
    const now = systemClock.now();
    this.printTable(
      credentials.map(({ credentialId, service, subject, entered }) => ({
        credential: credentialId,
        service,
        subject,
        entered: Object.keys(entered).join(" "),
        age: formatDuration(now - Math.max(...Object.values(entered))),
      })),
      "Nobody has entered credentials.",
    );
    return credentials;
  }
}
