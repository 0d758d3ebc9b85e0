/** The data of the patient-records server. Every person and event is fictitious. */

export interface Patient {
  readonly id: string;
  readonly name: string;
  readonly birthDate: string;
  readonly insuranceNumber: string;
  readonly diagnoses: readonly string[];
  readonly allergies: readonly string[];
}

export interface Prescription {
  readonly number: string;
  readonly patientId: string;
  readonly drug: string;
  readonly dose: string;
  readonly indication: string;
  readonly prescriber: string;
}

const PATIENTS: readonly Patient[] = [
  {
    id: "P-001",
    name: "Mirela Halvorsen",
    birthDate: "1961-11-04",
    insuranceNumber: "N611104882",
    diagnoses: ["Atrial fibrillation", "Bacterial sinusitis"],
    allergies: ["penicillin"],
  },
  {
    id: "P-002",
    name: "Teodor Ashgrove",
    birthDate: "1987-02-19",
    insuranceNumber: "A870219035",
    diagnoses: ["Migraine with aura"],
    allergies: [],
  },
];

const PRESCRIPTIONS: readonly Prescription[] = [
  {
    number: "RX-7001",
    patientId: "P-001",
    drug: "warfarin",
    dose: "5 mg, once a day",
    indication: "Atrial fibrillation",
    prescriber: "Dr Okonjo-Lind",
  },
  {
    number: "RX-7002",
    patientId: "P-001",
    drug: "amoxicillin",
    dose: "500 mg, three times a day",
    indication: "Bacterial sinusitis",
    prescriber: "Dr Vasterling",
  },
  {
    number: "RX-7003",
    patientId: "P-002",
    drug: "sumatriptan",
    dose: "50 mg, when needed",
    indication: "Migraine with aura",
    prescriber: "Dr Vasterling",
  },
];

export function findPatient(id: string): Patient | undefined {
  return PATIENTS.find((patient) => patient.id === id);
}

export function prescriptionsOf(patientId: string): readonly Prescription[] {
  return PRESCRIPTIONS.filter((prescription) => prescription.patientId === patientId);
}

/** Returns the safe view of a record: counts, and none of its content. */
export function describePatient({ diagnoses, allergies }: Patient): string {
  return `patient record, diagnoses: ${diagnoses.length}, allergies: ${allergies.length}`;
}

/**
 * Returns the safe view of a prescription. It names the drug, because the agent has to check it, but neither
 * dose nor reason. A reader who knows the purpose of the drug may guess the reason: each safe view is such a
 * choice. One that shows a value has to allow it explicitly in the vault.
 */
export function describePrescription({ drug }: Prescription): string {
  return `prescription of ${drug}`;
}

/** Returns the texts that must stay behind handles. Allergies are not among them: the pharmacy uses them, too. */
export function secretsOf(patientId: string): readonly string[] {
  const patient = findPatient(patientId);
  if (patient === undefined) return [];
  const { name, birthDate, insuranceNumber, diagnoses } = patient;
  const prescribed = prescriptionsOf(patientId).flatMap(({ number, dose, prescriber }) => [
    number,
    dose,
    prescriber,
  ]);
  return [name, birthDate, insuranceNumber, ...diagnoses, ...prescribed];
}
