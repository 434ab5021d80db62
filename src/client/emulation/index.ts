/**
 * The clients we can behave like: id -> emulation.
 */
import { chatGpt } from "./chatgpt.ts";
import { claudeAi } from "./claude-ai.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { cursor } from "./cursor.ts";
import { early } from "./early.ts";
import type { Emulation } from "./emulation.ts";
import { geminiCli } from "./gemini-cli.ts";
import { inspector } from "./inspector.ts";
import { mcpRemote } from "./mcp-remote.ts";
import { perplexity } from "./perplexity.ts";
import { vsCode } from "./vs-code.ts";

export const emulations: ReadonlyMap<string, Emulation> = new Map(
  [
    claudeAi,
    claudeCode,
    cursor,
    vsCode,
    chatGpt,
    inspector,
    mcpRemote,
    geminiCli,
    codex,
    perplexity,
    early,
  ].map((emulation) => [emulation.id, emulation]),
);
