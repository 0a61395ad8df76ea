import { defineConfig } from 'vitest/config';

/** A failure's message holds what was seen: a log that is cut shows no more than its end. */
const chaiConfig = { truncateThreshold: 2000 };

export default defineConfig({
  test: {
    projects: [
      // A busy machine is no fault of the code: a test's time is bounded only so that it ends.
      { test: { chaiConfig, name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 120_000 } },
      ...['lab', 'slow'].map((name) => ({
        test: {
          chaiConfig,
          name,
          include: [`test/${name}/**/*.test.ts`],
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      })),
    ],
  },
});
