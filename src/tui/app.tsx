/**
 * `watch`: the dashboard.
 */
import { Box, render, Text, useInput } from "ink";
import { useEffect, useState, type ReactNode } from "react";
import type { ReadStream, WriteStream } from "node:tty";
import type { ControlClient } from "../control.ts";
import { EXIT } from "../errors.ts";
import { Body } from "./body.tsx";
import { footerLines, Header, Tabs } from "./chrome.tsx";
import { meaningOf, strokesOf } from "./keys.ts";
import { createBrush, type Brush } from "./paint.ts";
import { paneNamed } from "./pane/index.ts";
import { rowsOf } from "./rows.ts";
import { openScreen, type Screen } from "./screen.ts";
import { selectedId, shown, viewOf } from "./state.ts";
import { useGateway } from "./use-gateway.ts";

export interface WatchOptions {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream & { fd: number };
  readonly isReadonly: boolean;
  readonly isColoured: boolean;
}

/** @returns exit code, once the person or a signal has ended it; rejects with what went wrong with us */
export async function watch(control: ControlClient, options: WatchOptions): Promise<number> {
  const { stdin, stdout, isReadonly } = options;
  const screen = openScreen(stdin, stdout);
  let unmount = (): void => undefined;
  try {
    return await new Promise<number>((end, fail) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        // Not once: a listener that is gone by then makes Ink's own one end the process at once.
        process.on(signal, () => end(EXIT.interrupted));
      }
      process.once("uncaughtException", fail).once("unhandledRejection", fail);
      const brush = createBrush(options.isColoured);
      const app = render(<App {...{ control, isReadonly, stdout, screen, brush, end }} />, {
        stdin,
        stdout: screen.canvas,
        debug: true, // whole frames: see screen.ts
        exitOnCtrlC: false,
        patchConsole: false,
        isScreenReaderEnabled: false,
      });
      unmount = app.unmount;
      app.waitUntilExit().catch(fail);
    });
  } finally {
    try {
      unmount();
    } finally {
      screen.close();
    }
  }
}

function App({
  control,
  isReadonly,
  stdout,
  screen,
  brush,
  end,
}: {
  control: ControlClient;
  isReadonly: boolean;
  stdout: WriteStream;
  screen: Screen;
  brush: Brush;
  end: (exitCode: number) => void;
}): ReactNode {
  const { state, current, dispatch, perform } = useGateway(control, { isReadonly });
  const { width, height } = useSize(stdout);
  const rows = rowsOf(paneNamed(state.pane), shown(state).data, viewOf(state));
  const footer = footerLines(state, rows.length, width, brush);
  const hasRule = height >= 16;
  const room = Math.max(1, height - 2 - footer.length - (hasRule ? 2 : 0));

  useInput((typed, key) => {
    for (const [input, pressed] of strokesOf(typed, key)) {
      const before = current();
      const { actions = [], effect } = meaningOf(before, input, pressed, Math.max(1, room - 2));
      for (const action of actions) dispatch(action);
      if (effect === "quit") end(EXIT.ok);
      if (effect === "interrupt") end(EXIT.interrupted);
      if (effect === "do" && before.mode.type === "confirm") perform(before.mode.deed);
      const id = effect === "copy" ? selectedId(before) : undefined;
      if (id !== undefined) {
        screen.copy(id);
        dispatch({ type: "notice", text: `Copied ${id}`, tone: "good" });
      }
    }
  });

  const rule = <Text>{brush("dim", "─".repeat(width))}</Text>;
  return (
    <Box flexDirection="column" width={width} height={height}>
      <Header {...{ state, width, brush }} />
      <Tabs {...{ state, width, brush }} />
      {hasRule && rule}
      <Body {...{ state, rows, width, height: room, brush }} />
      {hasRule && rule}
      <Text wrap="truncate">{footer.join("\n")}</Text>
    </Box>
  );
}

function useSize(stdout: WriteStream): { width: number; height: number } {
  // Without the last column: a line that ends in it could not be cleared to its end.
  const measure = (): { width: number; height: number } => ({
    width: (stdout.columns || 80) - 1,
    height: Math.max(4, stdout.rows || 24),
  });
  const [size, setSize] = useState(measure);
  useEffect(() => {
    const onResize = (): void => setSize(measure());
    stdout.on("resize", onResize);
    return () => void stdout.off("resize", onResize);
  }, [stdout]);
  return size;
}
