import { ControlCommand } from "../../client/control-command.ts";
import { systemClock } from "../../clock.ts";
import type { AccountSummary } from "../../control/accounts.ts";
import { formatDuration, formatRelative } from "../../duration.ts";

export default class UserList extends ControlCommand {
  static override summary = "List the accounts of this gateway.";
  static override description =
    "Only its own: people who come from GitHub or an OpenID provider have their accounts there.";
  static override examples = ["<%= config.bin %> user list", "<%= config.bin %> user list --json"];

  async run(): Promise<AccountSummary[]> {
    const { flags } = await this.parse(UserList);
    const accounts = await (await this.control(flags)).accounts();
    this.printTable(
      accounts.map((account) => ({
        name: account.name,
        "full name": account.fullName ?? "-",
        "e-mail": account.email ?? "-",
        state: stateOf(account),
        allowed: account.isAllowed ? "yes" : "no",
        passkeys: `${account.passkeys}`,
        grants: `${account.grants}`,
        added: formatRelative(account.createdAt, systemClock.now()),
      })),
      "No accounts yet. Give somebody one: mcp-gateway user add NAME",
    );
    return accounts;
  }
}

function stateOf({ state, invitedUntil }: AccountSummary): string {
  if (state === "expired") return "link expired";
  if (state === "active" || invitedUntil === undefined) return state;
  return `invited for ${formatDuration(invitedUntil - systemClock.now())}`;
}
