/** JSON-RPC stands on the common ground, for `connect` speaks it too; the bridge's files know it by this name. */
export * from "../mcp/json-rpc.ts";
