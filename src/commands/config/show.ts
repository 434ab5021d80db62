import { readFileSync } from "node:fs";
import { BaseCommand } from "../../command.ts";

export default class ConfigShow extends BaseCommand {
  static override summary = "Show the configuration in effect, defaults included.";
  static override description =
    "The output is a valid mcp-gateway.yaml. References to secrets stay references.";
  static override examples = [
    "<%= config.bin %> config show",
    "<%= config.bin %> config show --json",
  ];

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ConfigShow);
    const { configJsonSchema } = await import("../../config.ts");
    const { loadConfig } = await import("../../config-file.ts");
    const { parse, stringify } = await import("yaml");
    const { file } = loadConfig({ file: flags.config });
    const written: unknown = parse(readFileSync(file, "utf8"));
    const effective = withDefaults(configJsonSchema(), written);
    this.log(stringify(effective, { lineWidth: 100 }).trimEnd());
    return effective;
  }
}

interface Schema {
  default?: unknown;
  const?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

/** Fill in what the schema says about members that are not written, in its order and in the spelling people use. */
function withDefaults(schema: Schema, value: unknown): unknown {
  const given = value === undefined ? schema.default : value;
  if (Array.isArray(given)) return given.map((item) => withDefaults(schema.items ?? {}, item));
  if (typeof given !== "object" || given === null) return given;
  const members = given as Record<string, unknown>;
  const variants = schema.oneOf ?? schema.anyOf;
  const { properties = {}, additionalProperties } =
    variants?.find((variant) => fits(variant, members)) ?? schema;
  const rest = typeof additionalProperties === "object" ? additionalProperties : {};
  const names = new Set([...Object.keys(properties), ...Object.keys(members)]);
  return Object.fromEntries(
    [...names]
      .map((name) => [name, withDefaults(properties[name] ?? rest, members[name])] as const)
      .filter(([, member]) => member !== undefined),
  );
}

/** The variant of a union whose constant members (`type`) are those of the value. */
function fits(variant: Schema, members: Record<string, unknown>): boolean {
  return Object.entries(variant.properties ?? {}).every(
    ([name, { const: constant }]) => constant === undefined || constant === members[name],
  );
}
