import { BaseCommand } from "../../command.ts";
import type { Plan, Route } from "../../proxy/plan.ts";

interface ListedRoute {
  name: string;
  hosts: readonly string[];
  paths: string[];
  access: Route["access"];
  /** Who answers, with the addresses. */
  to: string;
}

const ACCESS: Record<Route["access"], string> = {
  open: "everybody",
  gateway: "decided there",
  verify: "token, asked of /verify",
  password: "password",
  redirect: "everybody",
};

export default class ProxyList extends BaseCommand {
  static override summary = "List what the reverse proxy in front lets through, and to whom.";
  static override description =
    "As mcp-gateway.yaml says. Whatever is not in the list is answered with 404.";
  static override examples = [
    "<%= config.bin %> proxy list",
    "<%= config.bin %> proxy list --json",
  ];

  async run(): Promise<ListedRoute[]> {
    const { flags } = await this.parse(ProxyList);
    const { loadConfig } = await import("../../config-file.ts");
    const { planProxy } = await import("../../proxy/plan.ts");
    const plan = planProxy(loadConfig({ file: flags.config }).config);
    const routes = plan.routes.map((route): ListedRoute => ({
      name: route.name,
      hosts: route.hosts,
      paths: pathsOf(route),
      access: route.access,
      to: answererOf(plan, route),
    }));
    this.printTable(
      routes.map(({ name, hosts, paths, access, to }) => ({
        name,
        host: hosts.join(" "),
        path: paths.join(" "),
        "lets in": ACCESS[access],
        to,
      })),
      "No routes.",
    );
    return routes;
  }
}

function pathsOf({ paths, method }: Route): string[] {
  const { exact = [], below = [] } = paths;
  const all = [...exact, ...below.map((path) => `${path}/*`)];
  return method === undefined ? all : all.map((path) => `${method} ${path}`);
}

function answererOf(plan: Plan, { what, upstream }: Route): string {
  if (what === "redirect") return "https";
  const found = plan.upstreams.find(({ name }) => name === upstream);
  return found
    ? found.servers.map((server) => `${server}${found.path ?? ""}`).join(" ")
    : "Traefik";
}
