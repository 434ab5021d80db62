import { Config, Flags } from "@oclif/core";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BaseCommand, describeFailure } from "../../src/command.ts";
import { UserError } from "../../src/errors.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let config: Config;
let stdout: string;
let stderr: string;
/** What the next command does. */
let act: (command: Probe) => Promise<unknown>;

class Probe extends BaseCommand {
  static override id = "probe";
  static override flags = { yes: Flags.boolean() };
  async run(): Promise<unknown> {
    const { flags } = await this.parse(Probe);
    return act(this) ?? flags;
  }
  override confirm = (question: string, yes: boolean) => super.confirm(question, yes);
  override printTable = (rows: Record<string, string>[], empty: string) =>
    super.printTable(rows, empty);
  override printFields = (fields: Record<string, string | undefined>) => super.printFields(fields);
}

const run = async (argv: string[] = []): Promise<void> => {
  await Probe.run(argv, config);
};

beforeEach(async () => {
  config = await Config.load(root);
  stdout = "";
  stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

describe("a command's failure with --json", () => {
  it("is JSON on standard output, with the exit code of its kind", async () => {
    act = () =>
      Promise.reject(new UserError("No gateway is running", { hint: "Start one.", exitCode: 3 }));
    await run(["--json"]);
    expect(JSON.parse(stdout)).toEqual({
      error: { message: "No gateway is running", hint: "Start one.", code: "not_running" },
    });
    expect(process.exitCode).toBe(3);
  });

  it("covers wrong flags and bugs as well", async () => {
    await run(["--json", "--nonsense"]);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { message: "Nonexistent flag: --nonsense", code: "usage" },
    });
    stdout = "";
    act = () => Promise.reject(new TypeError("x is undefined"));
    await run(["--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "bug" } });
    expect(process.exitCode).toBe(70);
  });

  it("is thrown to the program's door without --json", async () => {
    act = () => Promise.reject(new UserError("no"));
    await expect(run()).rejects.toThrow("no");
    expect(stdout).toBe("");
  });
});

describe("describeFailure", () => {
  it("says one sentence and the next step", () => {
    expect(describeFailure(new UserError("It broke", { hint: "Mend it." }))).toMatchObject({
      text: "Error: It broke\n  Next: Mend it.",
      exitCode: 1,
    });
  });

  it("hides the stack of a bug until it is asked for", () => {
    const bug = new TypeError("x is undefined");
    expect(describeFailure(bug).text).toMatch(
      /^Error: This is a bug in mcp-gateway: x is undefined\n {2}Next: .*MCP_GATEWAY_DEBUG=1/,
    );
    expect(describeFailure(bug)).toMatchObject({ exitCode: 70, code: "bug" });
    vi.stubEnv("MCP_GATEWAY_DEBUG", "1");
    expect(describeFailure(bug).text).toContain("at ");
  });

  it("is silent about a pipe that was closed", () => {
    expect(
      describeFailure(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
    ).toMatchObject({ text: "", exitCode: 0 });
  });

  it("survives whatever was thrown", () => {
    expect(describeFailure(undefined).exitCode).toBe(70);
    expect(describeFailure("text").message).toContain("text");
  });
});

describe("confirm", () => {
  it("does not ask with --yes", async () => {
    act = (command) => command.confirm("Sure?", true);
    await run();
    expect(stderr).toBe("");
  });

  it("fails with exit 2 and names --yes when nobody can be asked", async () => {
    act = (command) => command.confirm("Sure?", false);
    await expect(run()).rejects.toMatchObject({ exitCode: 2, hint: "Pass --yes." });
  });
});

describe("output", () => {
  it("is plain text for a program, even with a name that would turn the line around", async () => {
    act = async (command) => command.printTable([{ name: "a\u202Eb", id: "1" }], "None.");
    await run();
    expect(stdout).toBe("name        id\na\\u{202e}b  1\n");
  });

  it("is JSON that is harmless for a terminal", async () => {
    act = async () => [{ name: "a\u202E\u001Bb" }];
    await run(["--json"]);
    expect(stdout).toContain(String.raw`"a\u202e\u001bb"`);
  });

  it("says on standard error when a list is empty", async () => {
    act = async (command) => command.printTable([], "None.");
    await run();
    expect([stdout, stderr]).toEqual(["", "None.\n"]);
  });

  it("leaves empty fields out and keeps many values below one another", async () => {
    act = async (command) => command.printFields({ id: "1", name: undefined, urls: "a\nb" });
    await run();
    expect(stdout).toBe("id    1\nurls  a\n      b\n");
  });
});
