/** The data of the records service (patients.json), and the safe views of its records. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const DATA_FILE = join(import.meta.dirname, "patients.json");

/** The part of a patient's record that the example reads. The rest is sealed and compared as a whole. */
interface Patient {
  readonly mrn: string;
  readonly person: { readonly given: string; readonly family: string; readonly birthDate: string };
  readonly medications: readonly unknown[];
  readonly labs: readonly unknown[];
}

interface DataFile {
  readonly patients: readonly Patient[];
  readonly dischargeLetter: { readonly text: string };
  readonly attachment: { readonly fileName: string; readonly base64: string };
}

/** The content of the data file, with the attachment decoded into bytes. */
export interface PatientData {
  readonly patients: readonly Patient[];
  readonly letter: string;
  readonly image: Uint8Array;
  /** The texts that must not reach an agent. */
  readonly secrets: readonly string[];
}

/** A payload and its safe view. */
export interface Document {
  readonly payload: unknown;
  readonly safeView: string;
}

export async function readPatientData(): Promise<PatientData> {
  const file: DataFile = JSON.parse(await readFile(DATA_FILE, "utf8"));
  return {
    patients: file.patients,
    letter: file.dischargeLetter.text,
    image: Uint8Array.from(Buffer.from(file.attachment.base64, "base64")),
    secrets: secretsOf(file),
  };
}

/** Returns all documents to seal: objects, a text, and bytes. */
export function documentsOf({ patients, letter, image }: PatientData): Document[] {
  return [
    ...patients.map((patient) => ({ payload: patient, safeView: describePatient(patient) })),
    { payload: letter, safeView: `letter: ${Buffer.byteLength(letter)} bytes` },
    { payload: image, safeView: `image: ${image.length} bytes` },
  ];
}

/** Returns a safe view with counts only. */
function describePatient(patient: Patient): string {
  const fields = Object.keys(patient).length;
  const { medications, labs } = patient;
  return `patient record: ${fields} fields, ${medications.length} drugs, ${labs.length} lab rows`;
}

function secretsOf({ patients, dischargeLetter, attachment }: DataFile): string[] {
  const names = patients.flatMap(({ person }) => [person.given, person.family]);
  const nameParts = names.flatMap((name) => name.split(/[\s-]/));
  const paragraphs = dischargeLetter.text.split("\n");
  return [...textLeaves(patients), ...nameParts, ...paragraphs, ...textLeaves(attachment)].filter(
    isTelling,
  );
}

function textLeaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textLeaves);
}

/** Returns whether a text is long enough to search for: codes such as "H", "mg" or "g/L" occur by chance. */
function isTelling(text: string): boolean {
  return text.length > 3 || /\P{ASCII}/u.test(text);
}
