/**
 * The first pane has no table of its own: overview-lines.ts draws it. What it needs is asked for all the same.
 */
import type { Pane } from "./pane.ts";

export const overview: Pane<never> = {
  name: "overview",
  title: "Overview",
  needs: ["keys"],
  whenEmpty: "",
  columns: [],
  rows: () => [],
  idOf: () => "",
  details: () => ({ fields: [] }),
};
