/**
 * Files as the applications write them.
 */
import { describe, expect, it } from "vitest";
import { importServers } from "../../../src/scaffold/mcp-servers.ts";
import { listTargets } from "../../../src/scaffold/target.ts";

const target = listTargets().find(({ programs }) => programs === undefined)!;
const take = (content: unknown) =>
  importServers("f.json", typeof content === "string" ? content : JSON.stringify(content), target);
const entries = ({ services }: ReturnType<typeof take>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(services).map(([name, { entry }]) => [name, entry]));

describe("importServers", () => {
  it("takes over claude_desktop_config.json, other settings aside", () => {
    const imported = take({
      globalShortcut: "Ctrl+Space",
      mcpServers: {
        filesystem: {
          command: "npx",
          args: ["-y", "@modelcontextprotocol/server-filesystem", "/Users/ada/Desktop"],
        },
        "Brave Search": {
          command: "cmd",
          args: ["/c", "npx", "-y", "@modelcontextprotocol/server-brave-search"],
          env: { BRAVE_API_KEY: "BSAabcdefgh12345678", LOG_LEVEL: "info" },
        },
        sqlite: { command: "uvx", args: ["mcp-server-sqlite", "--db-path", "/tmp/a.db"] },
      },
    });
    expect(entries(imported)).toEqual({
      filesystem: {
        command: "npx",
        args: ["-y", "@modelcontextprotocol/server-filesystem", "/Users/ada/Desktop"],
        permissions: { net: true },
      },
      "brave-search": {
        command: "npx",
        args: ["-y", "@modelcontextprotocol/server-brave-search"],
        env: { BRAVE_API_KEY: "${BRAVE_SEARCH_BRAVE_API_KEY}", LOG_LEVEL: "info" },
        permissions: { net: true },
      },
      sqlite: {
        command: "uvx",
        args: ["mcp-server-sqlite", "--db-path", "/tmp/a.db"],
        permissions: { net: true },
      },
    });
    expect(imported.secrets).toEqual({ BRAVE_SEARCH_BRAVE_API_KEY: "BSAabcdefgh12345678" });
    expect(imported.remarks).toEqual([
      "Brave Search is called brave-search here.",
      "brave-search: ${BRAVE_SEARCH_BRAVE_API_KEY} stands for a value of .env, which was moved there.",
    ]);
    expect(imported.services["filesystem"]!.about.join(" ")).toContain("/Users/ada/Desktop");
  });

  it("takes over .mcp.json of Claude Code, its variables and defaults", () => {
    const imported = take({
      mcpServers: {
        api: {
          type: "http",
          url: "https://api.example.com/mcp",
          headers: { Authorization: "Bearer ${API_KEY}", "X-Region": "${REGION:-eu}" },
        },
        old: { type: "sse", url: "https://old.example.com/sse" },
        db: {
          type: "stdio",
          command: "node",
          args: ["db.js"],
          env: { DATABASE_URL: "postgres://ada:pass@db.example.com/x" },
        },
      },
    });
    expect(entries(imported)).toEqual({
      api: {
        url: "https://api.example.com/mcp",
        headers: { Authorization: "Bearer ${API_KEY}", "X-Region": "${REGION}" },
      },
      old: { url: "https://old.example.com/sse", transport: "sse" },
      db: {
        command: "node",
        args: ["db.js"],
        env: { DATABASE_URL: "${DB_DATABASE_URL}" },
        permissions: {},
      },
    });
    expect(imported.secrets).toEqual({
      API_KEY: undefined,
      REGION: "eu",
      DB_DATABASE_URL: "postgres://ada:pass@db.example.com/x",
    });
  });

  it("takes over .vscode/mcp.json: servers, inputs, comments and a comma too many", () => {
    const imported = take(`{
      // asked for when it starts
      "inputs": [{ "type": "promptString", "id": "perplexity-key", "password": true }],
      "servers": {
        "github": { "type": "http", "url": "https://api.githubcopilot.com/mcp/" },
        "perplexity": {
          "type": "stdio", "command": "npx", "args": ["-y", "server-perplexity-ask"],
          "env": { "PERPLEXITY_API_KEY": "\${input:perplexity-key}" }, /* here */
          "envFile": "\${workspaceFolder}/.env",
        },
      },
    }`);
    expect(entries(imported)).toMatchObject({
      github: { url: "https://api.githubcopilot.com/mcp/" },
      perplexity: { env: { PERPLEXITY_API_KEY: "${PERPLEXITY_PERPLEXITY_KEY}" } },
    });
    expect(imported.secrets).toEqual({ PERPLEXITY_PERPLEXITY_KEY: undefined });
    expect(imported.remarks.join(" ")).toContain("which was not read");
    expect(
      entries(take({ mcp: { servers: { a: { url: "https://a.example.com/mcp" } } } })),
    ).toEqual({ a: { url: "https://a.example.com/mcp" } });
  });

  it("takes over .cursor/mcp.json and moves the secrets of headers and arguments or tells of them", () => {
    const imported = take({
      mcpServers: {
        linear: {
          url: "https://mcp.linear.app/mcp",
          headers: { Authorization: "Bearer lin_api_abcdefgh1234" },
        },
        figma: {
          command: "npx",
          args: ["-y", "figma-mcp", "--figma-api-key=figd_abcdefgh1234", "--stdio"],
        },
        env: { command: "python", args: ["x.py"], env: { TOKEN: "${env:MY_TOKEN}", PORT: 80 } },
      },
    });
    expect(entries(imported)).toMatchObject({
      linear: { headers: { Authorization: "Bearer ${LINEAR_AUTHORIZATION}" } },
      env: { env: { TOKEN: "${MY_TOKEN}", PORT: "80" } },
    });
    expect(imported.secrets).toEqual({
      LINEAR_AUTHORIZATION: "lin_api_abcdefgh1234",
      MY_TOKEN: undefined,
    });
    expect(imported.remarks.join(" ")).toContain("figma: argument 3 looks like a secret");
    expect(imported.remarks.join(" ")).not.toContain("figd_");
  });

  it("leaves out what it cannot take, with the reason, and names that clash get a number", () => {
    const imported = take({
      mcpServers: {
        "My Server": { command: "node", args: ["a.js"] },
        my_server: { command: "node", args: ["b.js"] },
        mcp: { command: "node" },
        off: { command: "node", disabled: true },
        plain: { url: "http://10.0.0.5/mcp" },
        keyed: { url: "https://a.example.com/mcp?api_key=abc" },
        nothing: {},
        broken: { command: 7 },
      },
    });
    expect(Object.keys(imported.services)).toEqual(["my-server", "my-server-2", "mcp-server"]);
    const remarks = imported.remarks.join("\n");
    for (const sentence of [
      "off was left out: it is disabled there.",
      "plain was left out: url must be https",
      "keyed was left out: its url carries a secret",
      "nothing was left out: it has neither a command nor a url.",
      "broken was left out: ",
    ]) {
      expect(remarks).toContain(sentence);
    }
    expect(remarks).not.toContain("abc");
  });

  it.each([
    ["no json", "is not JSON"],
    ["[]", "has no mcpServers"],
    ['{ "mcpServers": {} }', "No server of f.json can be taken over"],
  ])("refuses %s", (content, message) => {
    expect(() => take(content)).toThrow(message);
  });
});
