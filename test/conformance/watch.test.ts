/**
 * `watch` in a real terminal, at a real gateway, while real clients come and go.
 */
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bin } from "../support/gateway-process.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";
import { startWatched, type Watched } from "../support/watched.ts";

const ME = `local:${userInfo().username}`;

let watched: Watched;
let terminal: Terminal | undefined;
beforeAll(async () => {
  watched = await startWatched();
}, 60_000);
afterEach(() => terminal?.close());
afterAll(() => watched.close());

function watch(
  flags: string[] = [],
  size: { columns: number; rows: number } = { columns: 120, rows: 34 },
): Terminal {
  terminal = openTerminal([process.execPath, bin, "watch", ...flags], watched.cwd, size);
  return terminal;
}

describe("watch", () => {
  it("shows every pane, and does what can be done in each", async () => {
    const plan = join(watched.cwd, "files", "plan.md");
    const cursor = await watched.visit("Cursor");
    await watched.visit("Claude", "notes");
    const screen = watch();
    await screen.see("● live");
    await screen.see(/alive +2 sessions {2}· {2}2 grants {2}· {2}2 tokens {2}· {2}2 clients/);
    await screen.see(/files +● running +1 process {2}· {2}\d+ MB/);
    await cursor.call("read_text_file", { path: plan });
    await screen.see(/requests +[\d.]+\/s +.*[▁▂▃▄▅▆▇█]/);

    screen.press("2");
    await screen.see(new RegExp(`files +Cursor +${ME}`));
    const visitor = await watched.visit("Visitor");
    await screen.see(/files +Visitor/);
    await visitor.leave();
    await screen.miss(/files +Visitor/);
    await screen.see(/ Cursor /);

    screen.press("/");
    screen.press("cur");
    await screen.see("1 found");
    screen.press("Enter", "x");
    await screen.see(/End the session \S+ of Cursor at files\?/);
    screen.press("n");
    await screen.see("Nothing was changed");
    screen.press("x");
    await screen.see("any other key");
    screen.press("y");
    await screen.see(/The session \S+ has ended/);
    await screen.see("Nothing fits the filter.");

    screen.press("7");
    await screen.see(/200 +files +tools\/call +read_text_file +Cursor +.* ms/);
    screen.press("/");
    screen.press("read_text");
    await screen.see("1 found");
    screen.press("Enter", "Enter");
    await screen.see(/target +read_text_file/);
    screen.press("y");
    await screen.see(/Copied \S+\.\d+/);

    screen.press("8");
    await screen.see(/succeeded +Cursor/);
    await screen.see(/\+[\d.]+s token\.issued/);
    screen.press("6", "j");
    await screen.see(/notes[^]*Knowledge Graph MCP Server/);
    screen.press("x");
    await screen.see("Restart notes? Its 1 processes and their sessions end.");
    screen.press("y");
    await screen.see("notes starts afresh: 1 processes and 1 sessions ended");

    screen.press("4");
    await screen.see(new RegExp(`Claude +${ME} +.* 59m`));
    screen.press("x", "y");
    await screen.see(/The token \S+ is revoked/);
    screen.press("3");
    await screen.see(/access tokens +\d/);
    screen.press("x", "y");
    await screen.see(`The grant of ${ME} is revoked`);
    screen.press("5");
    await screen.see(/redirects +http/);
    screen.press("x", "y");
    await screen.see(/The client is revoked, with \d grants/);
    screen.press("9", "Escape");
    await screen.see(/client\.revoked +\w+, \d grants ended/);
    await screen.see("control.used");

    screen.press("?");
    await screen.see("end, revoke or restart");
    screen.press("?", "q");
    await screen.see("ended with 0");
    expect(screen.ask("#{alternate_on} #{cursor_flag}")).toBe("0 1");
  });

  it("only looks with --readonly", async () => {
    await watched.visit("Reader");
    const screen = watch(["--readonly"]);
    await screen.see("● live");
    screen.press("2");
    await screen.see(/files +Reader/);
    expect(await screen.see("? help")).not.toContain(" x ");
    screen.press("x");
    await screen.see("This dashboard may only look");
  });

  it("stands still while it is paused, and goes on", async () => {
    const busy = await watched.visit("Busy");
    const screen = watch();
    await screen.see("● live");
    screen.press("7", "p");
    await screen.see("‖ paused");
    await busy.call("list_allowed_directories");
    await screen.see(/‖ paused for [2-9]s/);
    await screen.miss("list_allowed");
    screen.press("p");
    await screen.see("list_allowed");
  });

  it("fits any terminal, and follows it", async () => {
    const screen = watch([], { columns: 40, rows: 10 });
    await screen.see(/ mcp-gateway +● live|localhost:\d+ +● live/);
    for (const key of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "?"]) {
      screen.press(key);
      const title = /[1-9] (Overview|[A-Z]\w+)/;
      const lines = (await screen.see(title)).trimEnd().split("\n");
      expect(lines.length).toBeLessThanOrEqual(10);
    }
    screen.press("?", "2");
    screen.resize(140, 40);
    await screen.see(/1 Overview +2 Sessions \d+ +3 Grants/);
    await screen.see(/SESSION +SERVICE +CLIENT +SUBJECT +ERA/);
    screen.resize(60, 12);
    await screen.see(/1 {2}2 Sessions +\d* *3/);
    expect((await screen.see("● live")).match(/● live/g)).toHaveLength(1);
  });

  it("waits for a gateway that is gone, and says so", async () => {
    const screen = watch();
    await screen.see("● live");
    await watched.restart(() => screen.see("◌ connecting again, lost for"));
    await screen.see("● live");
    screen.press("9");
    await screen.see(/gateway\.started +http:\/\/localhost:\d+ has started/);
  });
});
