/** The pharmacy's MCP server, over standard input and output. Its data is public, so nothing is sealed. */
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { findDrug, interactionsOf } from "./data.js";

const drugName = z.string().max(64);

function pharmacyServer(): McpServer {
  const server = new McpServer({ name: "pharmacy", version: "1.0.0" });
  server.registerTool(
    "get_drug_info",
    { description: "Tells what a drug is.", inputSchema: z.object({ drug: drugName }) },
    ({ drug }) => answer({ drug, kind: findDrug(drug)?.kind ?? "unknown" }),
  );
  server.registerTool(
    "check_interactions",
    {
      description: "Tells which of the medications should not be taken together.",
      inputSchema: z.object({ medications: z.array(drugName).max(50) }),
    },
    ({ medications }) => answer({ interactions: interactionsOf(medications) }),
  );
  server.registerTool(
    "get_allergy_contraindications",
    {
      description: "Tells which allergies rule a drug out.",
      inputSchema: z.object({ drug: drugName }),
    },
    ({ drug }) => answer({ drug, allergies: findDrug(drug)?.contraindicatedBy ?? [] }),
  );
  return server;
}

function answer(value: Record<string, unknown>) {
  const content = [{ type: "text" as const, text: JSON.stringify(value) }];
  return { content, structuredContent: value };
}

serveStdio(pharmacyServer);
