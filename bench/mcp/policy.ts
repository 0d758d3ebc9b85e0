/** The policies that a server is measured under; a proxy reads the same from a file. */
import type { PolicyOptions } from "handlevault/mcp";

export const SERVER = "records";

/** One tool of each kind: sealed whole, sealed in one place, and not at all. */
export const POLICY: PolicyOptions = {
  servers: {
    [SERVER]: {
      tools: {
        whole: { seal: [{ at: "", safeView: { fixed: "a table" }, grant: ["records/pass"] }] },
        place: { seal: [{ at: "/0/patientId", safeView: { fixed: "a patient" } }] },
        shape: { seal: [{ at: "" }] },
        pass: { seal: "none" },
      },
    },
  },
};

/** The tools that a server has. */
export const TOOLS = ["whole", "shape", "place", "pass"] as const;
