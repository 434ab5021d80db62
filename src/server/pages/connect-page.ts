/**
 * What a person sees who opens the address of an MCP endpoint in a browser: what it is, and how to give it to a client.
 */
import { html } from "./html.ts";
import { layout } from "./layout.ts";

export interface ConnectPage {
  /** Canonical resource URI. */
  url: string;
  /** Name of the configured service; becomes the name in the client's list. */
  service: string;
}

/** @returns a whole HTML document */
export function connectPage({ url, service }: ConnectPage): string {
  const page = layout({
    title: `Connect to ${service}`,
    wide: true,
    main: html`
      <h1>Connect to ${service}</h1>
      <p class="lead">
        This address is for programs: it is an <strong>MCP server</strong>, and your assistant can
        use its tools. Give it the address below. It will open this browser once, so that you can
        log in and allow it.
      </p>
      <section class="section" aria-labelledby="address">
        <h2 id="address">Address</h2>
        <pre tabindex="0" aria-labelledby="address"><code class="copy">${url}</code></pre>
      </section>
      ${recipes(url, service).map(
        ({ id, client, where, text }) => html`
          <section class="section" aria-labelledby="${id}">
            <h2 id="${id}">${client}</h2>
            <p class="small">${where}</p>
            <pre tabindex="0" aria-labelledby="${id}"><code class="copy">${text}</code></pre>
          </section>
        `,
      )}
    `,
    footer: "Nothing has been shared by opening this page.",
  });
  return page.toString();
}

/** The lines as each client documents them. */
function recipes(url: string, service: string) {
  return [
    {
      id: "claude-code",
      client: "Claude Code",
      where: html`In a terminal; then <code>/mcp</code> inside Claude Code to log in.`,
      text: `claude mcp add --transport http ${service} ${url}`,
    },
    {
      id: "cursor",
      client: "Cursor",
      where: html`In <code>.cursor/mcp.json</code> of a project, or
        <code>~/.cursor/mcp.json</code> for all.`,
      text: json({ mcpServers: { [service]: { url } } }),
    },
    {
      id: "vs-code",
      client: "VS Code",
      where: html`In <code>.vscode/mcp.json</code>; several other tools read the same entry under
        <code>mcpServers</code> in <code>.mcp.json</code>.`,
      text: json({ servers: { [service]: { type: "http", url } } }),
    },
    {
      id: "inspector",
      client: "MCP Inspector",
      where: html`In a terminal; choose the transport “Streamable HTTP” and enter the address.`,
      text: "npx @modelcontextprotocol/inspector",
    },
  ];
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
