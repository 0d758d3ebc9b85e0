/** The payloads of all measurements: a patient record, a table of 100 rows, a long text. */

export const record = {
  id: "pat-004711",
  name: "Ann Weiß",
  birthDate: "1957-03-14",
  mrn: "MRN-20931744",
  insurance: { carrier: "Nordkasse", no: "N 4410 883" },
  allergies: ["penicillin", "latex"],
  medications: [
    { drug: "metformin", dose: "850 mg" },
    { drug: "lisinopril", dose: "10 mg" },
  ],
};

const ANALYTES = ["glucose", "hba1c", "creatinine", "sodium", "potassium"] as const;

export const table: object[] = Array.from({ length: 100 }, (_, row) => ({
  sampleId: `S-${(904_113 + 7 * row).toString()}`,
  patientId: `pat-${(4711 + row).toString().padStart(6, "0")}`,
  analyte: ANALYTES[row % ANALYTES.length],
  value: Math.round((3.9 + 7.31 * Math.sin(row) ** 2) * 1000) / 1000,
  unit: "mmol/l",
  low: 3.9,
  high: 5.6,
  takenAt: new Date(Date.UTC(2026, 2, 1, 6, 5 * row)).toISOString(),
  flagged: row % 7 === 0,
  note: `draw ${row % 3}`,
}));

/** One mebibyte of text that shares nothing with a safe view. */
export const text: string = "an unrelated sentence, of a letter. "
  .repeat(2 ** 15)
  .slice(0, 2 ** 20);
