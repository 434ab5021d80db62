import { describe, expect, it } from "vitest";
import { handleOf } from "../../../src/bridge/session-info.ts";

describe("what people see of a session's id", () => {
  it("is short, and nobody's command line takes it for a flag", () => {
    const handles = Array.from({ length: 2000 }, (_, number) => handleOf(`session ${number}`));
    for (const handle of handles) expect(handle).toMatch(/^[A-Za-z0-9][\w-]{11}$/);
    expect(new Set(handles).size).toBe(handles.length);
  });
});
