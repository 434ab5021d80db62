import { BaseCommand } from "../../command.ts";

export default class ConfigSchema extends BaseCommand {
  static override summary = "Print the JSON Schema of mcp-gateway.yaml, for editors.";
  static override description =
    "Editors with a YAML language server use it when the file's first line is `# yaml-language-server: $schema=./mcp-gateway.schema.json`.";
  static override examples = ["<%= config.bin %> config schema > mcp-gateway.schema.json"];

  async run(): Promise<Record<string, unknown>> {
    await this.parse(ConfigSchema);
    const { configJsonSchema } = await import("../../config.ts");
    const schema = configJsonSchema();
    if (!this.jsonEnabled()) this.logJson(schema);
    return schema;
  }
}
