import type { DrillScene } from '../core/drill.ts';

export type Debt = Readonly<{ what: string; pay: (scene: DrillScene) => Promise<void> }>;
export type Paid = Readonly<{ what: string; failed: string | undefined }>;
export type Debts = Readonly<{
  owe: DrillScene['owe'];
  settle: DrillScene['settle'];
  /** Puts right what is still wrong, the last fault first. One that cannot be put right does not stop the others. */
  payAll: (scene: DrillScene, tell: (paid: Paid) => void) => Promise<readonly Paid[]>;
}>;

/** What a drill has broken and not yet put right. */
export function openDebts(): Debts {
  const owed = new Map<string, Debt>();
  return {
    owe(debt, what, pay) {
      owed.delete(debt); // the latest of a name is paid first
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
