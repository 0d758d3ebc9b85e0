/** Public facts about drugs. Simplified for the example: no medical advice. */

export interface Drug {
  readonly name: string;
  readonly kind: string;
  /** Allergies that rule out the drug. */
  readonly contraindicatedBy: readonly string[];
}

const DRUGS: readonly Drug[] = [
  { name: "warfarin", kind: "anticoagulant", contraindicatedBy: [] },
  { name: "amoxicillin", kind: "antibiotic", contraindicatedBy: ["penicillin"] },
  { name: "sumatriptan", kind: "triptan", contraindicatedBy: [] },
];

const INTERACTIONS = [
  { drugs: ["amoxicillin", "warfarin"], severity: "moderate", advice: "check the INR more often" },
] as const;

export function findDrug(name: string): Drug | undefined {
  return DRUGS.find((drug) => drug.name === name);
}

export function interactionsOf(names: readonly string[]) {
  return INTERACTIONS.filter(({ drugs }) => drugs.every((drug) => names.includes(drug)));
}
