/** What the patient-records server keeps. Every person and event here is made up. */

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

/** What may be said of a record: how much there is, nothing of what it says. */
export function describePatient({ diagnoses, allergies }: Patient): string {
  return `patient record, diagnoses: ${diagnoses.length}, allergies: ${allergies.length}`;
}

/**
 * What may be said of a prescription: the drug, since the agent is to check it, and neither dose nor
 * reason. Whoever knows what a drug is for may guess the reason: a safe view is always a choice, and one
 * that shows a value has to say so to the vault.
 */
export function describePrescription({ drug }: Prescription): string {
  return `prescription of ${drug}`;
}

/** Returns the texts that must stay behind handles; allergies are words that the pharmacy uses, too. */
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
