/** The help text of the command. */

export const HELP = `Usage: handlevault <command> [options]

Commands:
  mcp-proxy    Stand between an agent and an MCP server: seal what it returns.

Options:
  -h, --help     Show this help; after a command, that of the command.
  -v, --version  Show the version.

Exit codes:
  0  It worked, or the other end hung up.
  1  It could not be done: something is unavailable, or the server ended by itself.
  2  The arguments or the policy are wrong, or a tool of the server does not fit the policy.
`;

export const MCP_PROXY_HELP = `Usage: handlevault mcp-proxy --policy FILE --server NAME [options] -- COMMAND [ARGUMENT...]
       handlevault mcp-proxy --policy FILE --server NAME [options] --url URL
       handlevault mcp-proxy --policy FILE --server NAME --explain FILE

Stands between an MCP client and a server. What the server returns is sealed as the policy
says, and handles in arguments are opened where the policy says.

Options:
  --policy FILE               The policy, in YAML or JSON.
  --server NAME               The server's name in the policy.
  --url URL                   Connect to a server over Streamable HTTP, instead of starting one.
  --url-token-env NAME        The variable with the bearer token to send there.
  --listen [HOST:]PORT        Serve Streamable HTTP at /mcp on this machine, instead of stdio.
                              The subject comes from the token; the policy needs auth.
  --allow-host NAME           A further Host that requests may name; may be repeated.
  --max-sessions N            With --listen: the most sessions at once, each with a server of
                              its own. Default 100, at most 1000.
  --max-sessions-per-subject N
                              The most of one subject. Default: a tenth of --max-sessions.
  --upstream-stderr inherit   Show what the server writes to standard error. It may hold
                              data, so it is discarded by default.
  --explain FILE              Say what would be sealed of a recorded result, and end. The file
                              holds { "tool": name, "result": { ... } }.
  -h, --help                  Show this help.
`;
