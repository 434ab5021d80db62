import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { StdioHost } from "../../../src/client/stdio-host.ts";
import type { JsonRpcMessage } from "../../../src/mcp/json-rpc.ts";

function host(): {
  say: (text: string) => void;
  heard: JsonRpcMessage[];
  stdio: StdioHost;
  said: () => string;
} {
  const input = new PassThrough();
  const output = new PassThrough();
  const heard: JsonRpcMessage[] = [];
  const onMessage = (message: JsonRpcMessage): number => heard.push(message);
  const stdio = new StdioHost({ input, output, onMessage, onEnd: () => undefined });
  return { say: (text) => input.write(text), heard, stdio, said: () => String(output.read()) };
}

it("passes whole numbers of any size as they are", () => {
  const { say, heard, stdio, said } = host();
  const line =
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"x","params":{"n":-12345678901234567890}}\n';
  say(line);
  stdio.send(heard[0]!);
  expect(said()).toBe(line);
});

it("takes a batch apart, and says what is no message", () => {
  const { say, heard, said } = host();
  say(
    '[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},{"id":"c"}]\nnot json\n',
  );
  expect(heard.map((message) => "method" in message && message.method)).toEqual(["a", "b"]);
  const answers = said()
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as { id: unknown; error: { code: number } });
  expect(answers.map(({ id, error }) => [id, error.code])).toEqual([["c", -32_600], [null, -32_700]]); // prettier-ignore
});
