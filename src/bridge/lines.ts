/** The cutting of streams into lines stands on the common ground; the bridge's files know it by this name. */
export * from "../mcp/lines.ts";
