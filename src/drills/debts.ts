import type { DrillScene } from '../core/drill.ts';

export type Debt = Readonly<{ what: string; pay: (scene: DrillScene) => Promise<void> }>;
export type Paid = Readonly<{ what: string; failed: string | undefined }>;
export type Debts = Readonly<{
  owe: DrillScene['owe'];
  settle: DrillScene['settle'];
  /** Repairs all remaining faults, the last one first. A repair that fails does not stop the others. */
  payAll: (scene: DrillScene, tell: (paid: Paid) => void) => Promise<readonly Paid[]>;
}>;

/** The faults that a drill has caused and not yet repaired. */
export function openDebts(): Debts {
  const owed = new Map<string, Debt>();
  return {
    owe(debt, what, pay) {
      owed.delete(debt); // the latest debt of a name is paid first
      owed.set(debt, { what, pay });
    },
    settle: (debt) => void owed.delete(debt),
    async payAll(scene, tell) {
      const paid: Paid[] = [];
      for (const [name, debt] of [...owed].reverse()) {
        const failed = await debt.pay(scene).then(
          () => undefined,
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        );
        if (failed === undefined) owed.delete(name);
        const one = { what: debt.what, failed };
        paid.push(one);
        tell(one);
      }
      return paid;
    },
  };
}
