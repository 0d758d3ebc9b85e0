/** The MCP server of patient records: it returns every record as a handle. */
import { McpServer } from "@modelcontextprotocol/server";
import type { OpaqueHandle, Vault } from "handlevault";
import { type ClientAuthentication, vaultTools } from "handlevault/mcp";
import { z } from "zod";
import { GATEWAY, RECORDS } from "../support/people.js";
import { describePatient, describePrescription, findPatient, prescriptionsOf } from "./data.js";

const INFO = { name: "patient-records", version: "1.0.0" };
const ACCESS = { ownerPrincipal: RECORDS, grantedPrincipals: [GATEWAY], ttlSeconds: 900 };
const inputSchema = z.object({ patient_id: z.string().regex(/^P-\d{3}$/) });

/** Returns a function that makes a new server for each request. */
export async function recordsServers(vault: Vault): Promise<() => McpServer> {
  const principalOf = ({ extra }: ClientAuthentication) => String(extra?.["principal"]);
  const addVaultTools = await vaultTools(vault, { principalOf, resolve: true });
  return () => {
    const server = new McpServer(INFO);
    addRecordTools(server, vault);
    addVaultTools(server);
    return server;
  };
}

function addRecordTools(server: McpServer, vault: Vault): void {
  server.registerTool(
    "lookup_patient",
    {
      description: "Returns a handle of a patient's record, and what may be said of it.",
      inputSchema,
    },
    async ({ patient_id: id }) => {
      const patient = findPatient(id);
      if (patient === undefined) return failure("There is no such patient.");
      const handle = await vault.seal(patient, { ...ACCESS, safeView: describePatient(patient) });
      return success(shownAs(handle));
    },
  );
  server.registerTool(
    "list_patient_prescriptions",
    { description: "Returns a handle of each prescription of a patient.", inputSchema },
    async ({ patient_id: id }) => {
      if (findPatient(id) === undefined) return failure("There is no such patient.");
      const requests = prescriptionsOf(id).map((data) => ({
        ...ACCESS,
        data,
        safeView: describePrescription(data),
        leakGuard: { allow: ["/drug"] },
      }));
      const outcomes = await vault.sealMany(requests);
      const prescriptions = outcomes.map((outcome) => {
        if (!outcome.ok) throw new Error("The prescriptions could not be sealed.");
        return shownAs(outcome.value);
      });
      return success({ prescriptions });
    },
  );
}

/** Returns the parts of a handle that leave the server. */
function shownAs({ id, safeView, expiresAt }: OpaqueHandle) {
  return { handle_id: id, safe_view: safeView, expires_at: expiresAt.toISOString() };
}

function success(value: Record<string, unknown>) {
  return { content: [textOf(JSON.stringify(value))], structuredContent: value };
}

function failure(text: string) {
  return { content: [textOf(text)], isError: true };
}

function textOf(text: string) {
  return { type: "text" as const, text };
}
