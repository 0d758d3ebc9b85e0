/**
 * A complete example of a hospital: an agent reviews a patient's prescriptions without seeing them, and a
 * gateway opens the handles that the agent names. Every claim printed with a tick has been asserted.
 *
 * Run it with `npm run example:medical`. With `-- --serve` the servers run until they are interrupted.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AgentResult, runAgent } from "./agent/agent.js";
import { ScriptedReview } from "./agent/model.js";
import { auditReport } from "./gateway/audit.js";
import { findPatient, prescriptionsOf, secretsOf } from "./records/data.js";
import { check, heading, passed, quote } from "./support/claims.js";
import { type Hospital, openHospital } from "./support/hospital.js";
import { GATEWAY } from "./support/people.js";
import { runGatewayCli } from "./support/run-cli.js";

const PATIENT = "P-001";
const RECORDS = [findPatient(PATIENT), ...prescriptionsOf(PATIENT)];

function assertSilent(text: string): void {
  const lowerCase = text.toLowerCase();
  const leaks = secretsOf(PATIENT).filter((secret) => lowerCase.includes(secret.toLowerCase()));
  assert.deepEqual(leaks, []);
}

async function agentReviews({ agent, pharmacy }: Hospital): Promise<AgentResult> {
  heading("The agent reviews the prescriptions of patient P-001.");
  const result = await runAgent(new ScriptedReview(PATIENT), { records: agent, pharmacy });
  quote(result.report);
  const memory = JSON.stringify(result.memory);
  await check("no name, diagnosis, dose or number is in its memory or its report", () => {
    assertSilent(memory);
    assertSilent(result.report);
  });
  await check("its memory has three handles and the pharmacy's results", () => {
    assert.equal(new Set(result.report.match(/hdl_[0-9a-f]{32}/g)).size, 3);
    assert.match(result.report, /amoxicillin and warfarin interact/);
    assert.match(result.report, /must not be given with an allergy to penicillin/);
  });
  await check("the agent's own attempt to open the record was refused", () => {
    const attempt = result.memory.find(({ call }) => call.tool === "resolve_handle");
    assert.equal(attempt?.answer.isError, true);
  });
  return result;
}

async function attackerTries({ attacker, connectWith, issuer }: Hospital, ids: readonly string[]) {
  heading("An attacker with its own token has obtained the handles.");
  for (const tool of ["resolve_handle", "describe_handle"]) {
    await check(
      `${tool} is refused for all of them, whichever principal the arguments name`,
      async () => {
        for (const id of ids) {
          const answer = await attacker.call(tool, { handle_id: id, principal: GATEWAY });
          assert.equal(answer.isError, true);
          assertSilent(JSON.stringify(answer));
        }
      },
    );
  }
  await check(
    "a token for another service, or one that was tampered with, does not even connect",
    async () => {
      const elsewhere = await issuer.tokenFor(GATEWAY, "another-service");
      for (const token of [elsewhere, `${elsewhere.slice(0, -8)}AAAAAAAA`, "none"]) {
        await assert.rejects(connectWith(token), /unauthorized/i);
      }
    },
  );
}

async function gatewayOpens(hospital: Hospital, report: string, ids: readonly string[]) {
  heading("The gateway opens the handles that the agent named.");
  const opened = await auditReport(hospital.gateway, report);
  await check("the record and both prescriptions equal the sealed ones, to the last leaf", () =>
    assert.deepEqual(
      opened.map(({ data }) => data),
      RECORDS,
    ),
  );
  await check("each has an audit entry", () => {
    for (const { audit_note: note } of opened)
      assert.match(note, /^opened by \S+\/gateway at \d{4}-/);
  });
  await check("they contain every name, diagnosis, dose and number", () => {
    const text = JSON.stringify(opened);
    for (const secret of secretsOf(PATIENT)) assert.ok(text.includes(secret));
  });
  await check("the patient has the allergy that the agent warned of", () => {
    const [{ data } = { data: {} }] = opened;
    assert.deepEqual((data as { allergies?: unknown }).allergies, ["penicillin"]);
  });
  await check("from the command line, too: gateway hdl_… hdl_… hdl_…", async () => {
    const { status, lines } = await runGatewayCli(hospital, ids);
    assert.equal(status, 0);
    assert.deepEqual(
      lines.map(({ data }) => data),
      RECORDS,
    );
  });
}

async function httpAnswers({ api, tokens }: Hospital): Promise<string> {
  heading("The same over the gateway's HTTP API.");
  const { agent, gateway, attacker } = tokens;
  await check("it is healthy", async () => assert.equal((await api.get("/health")).status, 200));
  const patient = await api.get(`/patient/${PATIENT}`, agent);
  const id = String(patient.body["handle_id"]);
  await check("the agent's token gets a handle and its safe view", () => {
    assert.equal(patient.status, 200);
    assert.match(id, /^hdl_[0-9a-f]{32}$/);
    assert.equal(patient.body["safe_view"], "patient record, diagnoses: 2, allergies: 1");
    assertSilent(JSON.stringify(patient.body));
  });
  await check("its prescriptions are two handles", async () => {
    const { body } = await api.get(`/patient/${PATIENT}/rx`, agent);
    assert.equal((body["prescriptions"] as unknown[]).length, 2);
    assertSilent(JSON.stringify(body));
  });
  await check("every caller can read the safe view", async () => {
    const { body } = await api.get(`/safe-view/${id}`);
    assert.equal(body["safe_view"], patient.body["safe_view"]);
  });
  await check("without a token there are no handles: 401", async () =>
    assert.equal((await api.get(`/patient/${PATIENT}`)).status, 401),
  );
  await check("agent and attacker are refused: 403", async () => {
    for (const token of [agent, attacker]) {
      const answer = await api.post(`/resolve/${id}`, token);
      assert.equal(answer.status, 403);
      assertSilent(JSON.stringify(answer.body));
    }
  });
  await check("the gateway gets the record, with an audit entry", async () => {
    const { status, body } = await api.post(`/resolve/${id}`, gateway);
    assert.equal(status, 200);
    assert.deepEqual(body["data"], RECORDS[0]);
    assert.match(String(body["audit_note"]), /^opened by/);
  });
  await check("an unknown handle, or patient: 404", async () => {
    assert.equal((await api.post(`/resolve/hdl_${"0".repeat(32)}`, gateway)).status, 404);
    assert.equal((await api.get("/patient/P-999", agent)).status, 404);
  });
  return id;
}

async function productionIsStricter({ production, api }: Hospital) {
  await check("demo tokens are issued here, and not in production", async () => {
    assert.equal((await api.get("/tokens")).status, 200);
    assert.equal((await production.get("/tokens")).status, 404);
  });
  await check("the page at /docs loads nothing from other origins", async () => {
    const { status, text } = await api.get("/docs");
    assert.equal(status, 200);
    assert.doesNotMatch(text, /https?:|src=|@import|url\(/);
  });
}

async function recordsGoDown({ api, tokens, stopRecords }: Hospital, id: string) {
  heading("The patient-records server goes down.");
  await stopRecords();
  await check("the gateway reports only that: 503", async () => {
    for (const path of ["/health", `/safe-view/${id}`]) {
      assert.equal((await api.get(path)).status, 503);
    }
    assert.equal((await api.get(`/patient/${PATIENT}`, tokens.agent)).status, 503);
    assert.equal((await api.post(`/resolve/${id}`, tokens.gateway)).status, 503);
  });
}

async function tellStory(hospital: Hospital): Promise<void> {
  const { report } = await agentReviews(hospital);
  const ids = report.match(/hdl_[0-9a-f]{32}/g) ?? [];
  await attackerTries(hospital, ids);
  await gatewayOpens(hospital, report, ids);
  const id = await httpAnswers(hospital);
  await productionIsStricter(hospital);
  await recordsGoDown(hospital, id);
}

const hospital = await openHospital();
try {
  if (process.argv.includes("--serve")) {
    console.log(`The API is at ${hospital.api.url}/docs. Interrupt to stop.`);
    await once(process, "SIGINT");
  } else {
    await tellStory(hospital);
    console.log(`All ${passed()} checks passed.`);
  }
} finally {
  await hospital.close();
}
