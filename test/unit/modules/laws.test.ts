import { describe, expect, test } from 'vitest';
import { isBlocked } from '../../../src/core/module.ts';
import { modules } from '../../../src/modules/index.ts';
import { bound, context, syntax } from './harness.ts';

const ctx = context(
  {},
  {
    file: (path) => ({
      path,
      size: 1,
      mode: 0o644,
      sha256: 'a'.repeat(64),
      sha1: 'a'.repeat(40),
      md5: 'a'.repeat(32),
      read: () => new Uint8Array([97]),
    }),
    isFolder: (path) => path.endsWith('/'),
    tree: () => [],
    render: () => 'text\n',
  },
);

/** Commands that change a host, at the beginning of a command line. */
const WRITES =
  /(^|[;&|({]\s*|\bthen |\bdo |\belse )(rm|mv|cp|ln|mkdir|rmdir|touch|chmod|chown|install|tee|dd|truncate|useradd|usermod|userdel|groupadd|kill|apt-get (?!-s )|systemctl (start|stop|restart|reload|enable|disable|mask|daemon)|sysctl -w|hostname [^- ])\b/m;

describe.each(Object.values(modules))('$name', (module) => {
  test('describes each argument', () => {
    for (const [name, shape] of Object.entries(module.args.properties)) {
      const { description = '' } = shape as { description?: string };
      expect(description, name).toMatch(/\S/);
      // An argument without an effect says why.
      expect(description, name).not.toMatch(/^ignored|\bno effect\W*$/i);
    }
    expect(module.summary).toMatch(/\.$/);
  });

  test('maps aliases to arguments', () => {
    for (const [alias, name] of Object.entries(module.aliases)) {
      expect(Object.keys(module.args.properties), alias).toContain(name);
      expect(Object.keys(module.args.properties)).not.toContain(alias);
    }
  });

  test('has examples that bind', () => {
    expect(module.examples.length).toBeGreaterThan(0);
    for (const { args } of module.examples) expect(bound(module, args).module).toBe(module.name);
  });

  test('has probes that are valid sh and only read', () => {
    for (const { args } of module.examples) {
      const probe = bound(module, args).probe?.(ctx);
      if (probe === undefined) continue;
      expect(syntax(probe)).toBe('');
      const code = probe.text.replace(/'[^']*'/g, "''");
      expect(code).not.toMatch(WRITES);
      expect(code.replace(/[<>]&?\d|2?>\s*\/dev\/null/g, '')).not.toMatch(/(^|[^<0-9])>>?\s*["\w/$]/);
    }
  });

  test('has changes that are valid sh, even if the host printed nothing', () => {
    for (const { args } of module.examples) {
      const step = bound(module, args);
      const steps = step.plan('', ctx);
      step.data('', ctx);
      step.data('', ctx, { code: 0, stdout: '', stderr: '' });
      for (const change of isBlocked(steps) ? [] : steps) expect(syntax(change.run)).toBe('');
    }
  });

  test('rejects unknown arguments', () => {
    if (['set_fact', 'add_host'].includes(module.name)) return; // any argument is a variable
    expect(module.bind({ ...module.examples[0]?.args, no_such_argument: 1 })).toEqual(
      expect.arrayContaining([expect.objectContaining({ message: "unknown argument 'no_such_argument'" })]),
    );
  });
});
