import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { SigningKeySummary } from "../../control/answers.ts";
import { formatRelative } from "../../duration.ts";

export default class KeyList extends ControlCommand {
  static override summary = "List the keys that sign access tokens.";
  static override description =
    "A key is published 15 minutes before it signs, and stays until the last token it signed has died.";
  static override examples = ["<%= config.bin %> key list", "<%= config.bin %> key list --json"];

  async run(): Promise<SigningKeySummary[]> {
    const { flags } = await this.parse(KeyList);
    const keys = await (await this.control(flags)).keys();
    this.printTable(
      keys.map((key) => ({
        kid: key.kid,
        state: key.state,
        created: relative(key.createdAt),
        signs:
          key.state === "published" ? `from ${relative(key.signsFrom)}` : until(key.signsUntil),
        verifies: until(key.verifiesUntil),
        encrypted: key.isEncrypted ? "yes" : "no",
      })),
      "There are no keys.",
    );
    return keys;
  }
}

function until(time: number | undefined): string {
  return time === undefined ? "until replaced" : `until ${relative(time)}`;
}

function relative(time: number): string {
  return formatRelative(time, systemClock.now());
}
