/** The model of the agent. A script replaces a language model, so that every run is the same. */
import type { ToolResult } from "../support/mcp-client.js";

/** A tool call that a model requests. */
interface ToolCall {
  readonly server: "records" | "pharmacy";
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A tool call and its result. */
export interface Turn {
  readonly call: ToolCall;
  readonly answer: ToolResult;
}

/** The decision of a model: one more call, or the end. */
export type Decision = { readonly call: ToolCall } | { readonly report: string };

export interface Model {
  /** Returns the next decision. The model sees only the memory. */
  decide(memory: readonly Turn[]): Decision;
}

/** A handle in the form that the agent sees. */
interface SeenHandle {
  readonly handle_id: string;
  readonly safe_view: string;
}

type Step = (memory: readonly Turn[]) => ToolCall;

/** Reviews the prescriptions of one patient, and tries once to see more than it is allowed to. */
export class ScriptedReview implements Model {
  readonly #steps: readonly Step[];

  constructor(patientId: string) {
    const patient = { patient_id: patientId };
    this.#steps = [
      () => records("lookup_patient", patient),
      () => records("list_patient_prescriptions", patient),
      (memory) => pharmacy("get_drug_info", { drug: drugsIn(memory)[0] }),
      (memory) => pharmacy("check_interactions", { medications: drugsIn(memory) }),
      (memory) => pharmacy("get_allergy_contraindications", { drug: drugsIn(memory)[0] }),
      (memory) => pharmacy("get_allergy_contraindications", { drug: drugsIn(memory)[1] }),
      (memory) => records("resolve_handle", { handle_id: recordIn(memory).handle_id }),
    ];
  }

  decide(memory: readonly Turn[]): Decision {
    const step = this.#steps[memory.length];
    return step === undefined ? { report: reportOn(memory) } : { call: step(memory) };
  }
}

function records(tool: string, args: ToolCall["arguments"]): ToolCall {
  return { server: "records", tool, arguments: args };
}

function pharmacy(tool: string, args: ToolCall["arguments"]): ToolCall {
  return { server: "pharmacy", tool, arguments: args };
}

function recordIn(memory: readonly Turn[]): SeenHandle {
  return memory[0]?.answer.data as unknown as SeenHandle;
}

function prescriptionsIn(memory: readonly Turn[]): readonly SeenHandle[] {
  return memory[1]?.answer.data["prescriptions"] as readonly SeenHandle[];
}

function drugsIn(memory: readonly Turn[]): readonly string[] {
  return prescriptionsIn(memory).map(({ safe_view }) => safe_view.replace("prescription of ", ""));
}

function reportOn(memory: readonly Turn[]): string {
  const found = memory.flatMap(({ call, answer }) => {
    const { interactions, allergies, drug } = answer.data;
    if (call.tool === "check_interactions") return interactionLines(interactions as Interaction[]);
    const ruledOutBy = (allergies ?? []) as string[];
    return ruledOutBy.map((allergy) => `${drug} must not be given with an allergy to ${allergy}`);
  });
  const handles = [recordIn(memory), ...prescriptionsIn(memory)];
  const open = handles.map(({ handle_id, safe_view }) => `  ${handle_id} (${safe_view})`);
  return [`Found: ${found.join("; ")}.`, "To be opened by the gateway:", ...open].join("\n");
}

interface Interaction {
  readonly drugs: readonly string[];
  readonly severity: string;
  readonly advice: string;
}

function interactionLines(interactions: readonly Interaction[]): string[] {
  return interactions.map(
    ({ drugs, severity, advice }) => `${drugs.join(" and ")} interact (${severity}): ${advice}`,
  );
}
