import { ControlCommand } from "../../client/control-command.ts";
import { systemClock } from "../../clock.ts";
import type { ClientSummary } from "../../control/answers.ts";
import { formatRelative } from "../../duration.ts";

export default class ClientList extends ControlCommand {
  static override summary = "List the OAuth clients.";
  static override description =
    "Clients register themselves when somebody connects them; `client register` adds one by hand.";
  static override examples = [
    "<%= config.bin %> client list",
    "<%= config.bin %> client list --json",
  ];

  async run(): Promise<ClientSummary[]> {
    const { flags } = await this.parse(ClientList);
    const clients = await (await this.control(flags)).clients();
    const now = systemClock.now();
    this.printTable(
      clients.map((client) => ({
        "client id": client.clientId,
        name: client.name ?? "-",
        kind: client.kind,
        "redirects to": redirectHosts(client.redirectUris),
        registered: formatRelative(client.registeredAt, now),
        used: client.lastUsedAt === undefined ? "-" : formatRelative(client.lastUsedAt, now),
        alive: client.isStale ? "stale" : aliveBy(client),
      })),
      "No clients yet. They register themselves when somebody connects one.",
    );
    return clients;
  }
}

/** Where the authorization code would go: what tells an honest client from one that only has an honest name. */
function redirectHosts(uris: readonly string[]): string {
  const hosts = uris.map((uri) => {
    if (!URL.canParse(uri)) return uri;
    const { host, protocol } = new URL(uri);
    return protocol === "https:" || protocol === "http:"
      ? host
      : `${protocol}${host && `//${host}`}`;
  });
  return [...new Set(hosts)].join(" ");
}

/** Why it is still there. */
function aliveBy({ grants, accessTokens, sessions, via }: ClientSummary): string {
  const parts = [
    counted(grants, "grant"),
    counted(accessTokens, "token"),
    counted(sessions, "session"),
  ].filter((part) => part !== "");
  return parts.join(", ") || `registered by ${via}`;
}

const counted = (count: number, noun: string): string =>
  count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
