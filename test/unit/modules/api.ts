import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { isBlocked, type Module } from '../../../src/core/module.ts';
import { verbatim } from '../../../src/core/sh.ts';
import { bound, context, read, run, scratch, words } from './harness.ts';

/**
 * A service behind a curl that answers by the method and the path: `GET /x` → [status, body]. It writes down what it
 * was asked. A request without an answer cannot connect.
 */
export function service(answers: Readonly<Record<string, readonly [number, unknown]>>) {
  const folder = scratch();
  const cases = Object.entries(answers).map(([key, [status, body]], i) => {
    writeFileSync(`${folder}/${i}`, `${JSON.stringify(body)}\n${status}`);
    return `'${key}') cat ${folder}/${i} ;;`;
  });
  const program = `#!/bin/sh
echo "$*" >>${folder}/arguments
c=$(cat); printf '%s\\n--\\n' "$c" >>${folder}/asked
url=$(printf '%s\\n' "$c" | sed -n 's|^url = "https*://[^/]*\\(.*\\)"$|\\1|p')
method=$(printf '%s\\n' "$c" | sed -n 's/^request = "\\(.*\\)"$/\\1/p')
case $c in *'data-raw = '*) method=\${method:-POST} ;; esac
case "\${method:-GET} $url" in
${cases.join('\n')}
*) echo "curl: (7) Failed to connect" >&2; exit 7 ;;
esac
`;
  writeFileSync(`${folder}/curl`, program);
  chmodSync(`${folder}/curl`, 0o755);
  const go = (script: string | undefined) => run(verbatim(`PATH=${folder}:$PATH\n${script}`));
  return {
    /** The task: what it plans, and what it makes of that. */
    do(module: Module, args: Readonly<Record<string, unknown>>) {
      const step = bound(module, args);
      const seen = go(step.probe?.(context()).text);
      expect(seen.stderr).toBe('');
      const steps = step.plan(seen.stdout, context());
      return {
        steps: words(steps),
        changes: isBlocked(steps) ? [] : steps,
        detail: isBlocked(steps) ? steps.blocked.message : '',
        data: step.data(seen.stdout, context()),
        make() {
          const ran = isBlocked(steps) ? [] : steps.map((change) => go(change.run.text));
          const [last = { code: 1, stdout: '', stderr: '' }] = ran;
          return { ...last, data: step.data(seen.stdout, context(), last) };
        },
      };
    },
    asked: () => (existsSync(`${folder}/asked`) ? read(`${folder}/asked`) : ''),
    arguments: () => read(`${folder}/arguments`),
  };
}
