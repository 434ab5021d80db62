import { Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { RotatedKeys } from "../../control/answers.ts";

export default class KeyRotate extends ControlCommand {
  static override summary = "Replace the key that signs access tokens.";
  static override description =
    "Nobody notices: the new key is published now and signs in 15 minutes, the old one verifies until its last token has died. With --emergency, for a key that has leaked, every key and every access token ends at once; clients fetch new tokens with their refresh tokens.";
  static override examples = [
    "<%= config.bin %> key rotate",
    "<%= config.bin %> key rotate --emergency --yes",
  ];
  static override flags = {
    emergency: Flags.boolean({
      default: false,
      summary: "End all keys and all access tokens at once.",
    }),
    yes: Flags.boolean({ summary: "Do not ask." }),
  };

  async run(): Promise<RotatedKeys> {
    const { flags } = await this.parse(KeyRotate);
    const control = await this.control(flags);
    await this.confirm(
      flags.emergency
        ? "End every signing key, access token and MCP session at once?"
        : "Publish a new signing key, which replaces the present one in 15 minutes?",
      flags.yes,
    );
    const rotated = await control.rotateKeys({ emergency: flags.emergency });
    this.log(
      flags.emergency
        ? `${rotated.kid} signs from now on: ${rotated.removed.length} keys and ${rotated.accessTokens} access tokens ended.`
        : `Published ${rotated.kid}; it signs from ${new Date(rotated.signsFrom * 1000).toISOString()}.`,
    );
    return rotated;
  }
}
