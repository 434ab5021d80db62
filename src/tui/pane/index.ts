/**
 * The panes, in the order of their number keys.
 */
import { audit } from "./audit.ts";
import { clients } from "./clients.ts";
import { grants } from "./grants.ts";
import { logins } from "./logins.ts";
import { overview } from "./overview.ts";
import type { Pane, PaneName } from "./pane.ts";
import { requests } from "./requests.ts";
import { services } from "./services.ts";
import { sessions } from "./sessions.ts";
import { tokens } from "./tokens.ts";

export const panes: readonly Pane[] = [
  overview,
  sessions,
  grants,
  tokens,
  clients,
  services,
  requests,
  logins,
  audit,
];

export function paneNamed(name: PaneName): Pane {
  return panes.find((pane) => pane.name === name)!;
}
