/**
 * The command line of the gateway: `gateway hdl_… [hdl_…]` prints one line of JSON for each handle.
 *
 * Exit codes: 0 all handles opened, 1 some were refused, 2 wrong usage.
 */
import { McpClient } from "../support/mcp-client.js";
import { HandleRefusedError, openHandle } from "./audit.js";

const USAGE = `usage: gateway hdl_… [hdl_…]
  RECORDS_URL    where the patient-records server listens
  GATEWAY_TOKEN  the gateway's token for it`;

const { RECORDS_URL: url, GATEWAY_TOKEN: token } = process.env;
const ids = process.argv.slice(2);
if (!url || !token || ids.length === 0) {
  console.error(USAGE);
  process.exit(2);
}

const records = await McpClient.overHttp(url, async () => token);
try {
  for (const id of ids) await print(id);
} finally {
  await records.close();
}

async function print(id: string): Promise<void> {
  try {
    console.log(JSON.stringify(await openHandle(records, id)));
  } catch (error) {
    if (!(error instanceof HandleRefusedError)) throw error;
    console.error(`${id}: ${error.message}`);
    process.exitCode = 1;
  }
}
