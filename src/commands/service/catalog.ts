import { Args } from "@oclif/core";
import { BaseCommand } from "../../command.ts";
import type { CatalogEntry } from "../../config/catalog.ts";

export default class ServiceCatalog extends BaseCommand {
  static override summary = "Show the MCP servers that are known to work behind the gateway.";
  static override description = "service add NAME adds one of them to mcp-gateway.yaml.";
  static override examples = [
    "<%= config.bin %> service catalog",
    "<%= config.bin %> service catalog filesystem",
    "<%= config.bin %> service catalog --json",
  ];
  static override args = { name: Args.string({ description: "show this one in full" }) };

  async run(): Promise<CatalogEntry | CatalogEntry[]> {
    const { args } = await this.parse(ServiceCatalog);
    const { catalogEntry, readCatalog } = await import("../../config/catalog.ts");
    if (args.name === undefined) {
      const entries = readCatalog();
      this.printTable(
        entries.map((entry) => ({
          name: entry.name,
          package: packageOf(entry),
          "what it does": entry.summary,
        })),
        "The catalogue is empty.",
      );
      return entries;
    }
    const { stringify } = await import("yaml");
    const entry = catalogEntry(args.name);
    const parameters = Object.entries(entry.parameters).map(
      ([name, { description, default: usual }]) =>
        `${name}: ${description}${usual === undefined ? " Needed." : usual === "" ? "" : ` Else ${[usual].flat().join(" or ")}.`}`,
    );
    this.printFields({
      name: entry.name,
      package: packageOf(entry),
      "what it does": entry.summary,
      "what it reaches": entry.reaches,
      needs: entry.needs.join(" "),
      parameters: parameters.join("\n"),
      service: stringify(entry.service, { flowCollectionPadding: false }).trimEnd(),
      add: `mcp-gateway service add ${entry.name}${Object.entries(entry.parameters)
        .filter(([, parameter]) => parameter.default === undefined)
        .map(([name]) => ` --param ${name}=...`)
        .join("")}`,
    });
    return entry;
  }
}

function packageOf({ package: wanted }: CatalogEntry): string {
  if ("own" in wanted) return "mcp-gateway";
  return "npm" in wanted
    ? `npm ${wanted.npm}@${wanted.version}`
    : `PyPI ${wanted.pypi} ${wanted.version}`;
}
