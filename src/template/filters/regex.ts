import { matching } from '../../core/bounded.ts';
import { asNumber, type Item, isList, tuple, wrong } from '../item.ts';
import { number, type Operation, text, value } from '../operation.ts';
import { short } from '../operators.ts';
import { str } from '../print.ts';
import { expand, pythonRegex } from '../regex.ts';

/** Regex filters. Patterns have Python's syntax and run in JavaScript's engine. */
export const regexFilters: Readonly<Record<string, Operation>> = {
  regex_replace: value(
    'pattern replacement ignorecase multiline count mandatory_count',
    (item, [pattern, replacement, ignore, multi, count, mandatory]) => {
      const regex = pythonRegex(text(pattern), { ignoreCase: is(ignore), multiline: is(multi), global: true });
      const most = number(count, 0);
      let done = 0;
      const subject = str(item);
      const replaced = (...m: readonly unknown[]): string => {
        const groups = typeof m.at(-1) === 'object' ? (m.at(-1) as Record<string, string | undefined>) : {};
        if (most > 0 && done >= most) return String(m[0]);
        done++;
        const end = m.findIndex((part) => typeof part === 'number');
        return expand(text(replacement), m.slice(0, end) as (string | undefined)[], groups);
      };
      const out = matching(text(pattern), () => subject.replace(regex, replaced), subject);
      if (done < number(mandatory, 0))
        wrong(`regex_replace: '${text(pattern)}' matched ${done} times, ${number(mandatory, 0)} are wanted`);
      return short(out);
    },
  ),
  regex_search: value('pattern * ignorecase multiline', (item, [pattern, ignore, multi], _ctx, { positional }) => {
    const regex = pythonRegex(text(pattern), { ignoreCase: is(ignore), multiline: is(multi) });
    const found = matching(text(pattern), () => regex.exec(str(item)), str(item));
    const groups = positional.slice(1).flatMap((one) => (isList(one) ? one : [one]));
    const names = groups.map((one) => groupName(text(one)));
    if (found === null) return null;
    return names.length === 0 ? found[0] : names.map((name) => group(found, name));
  }),
  regex_findall: value('pattern multiline ignorecase', (item, [pattern, multi, ignore]) => {
    const regex = pythonRegex(text(pattern), { ignoreCase: is(ignore), multiline: is(multi), global: true });
    const found = matching(text(pattern), () => [...str(item).matchAll(regex)], str(item));
    return found.map((m) => {
      if (m.length === 1) return m[0];
      return m.length === 2 ? (m[1] ?? '') : tuple(m.slice(1).map((part) => part ?? ''));
    });
  }),
  regex_escape: value('re_type', (item, [type]) => {
    if (text(type, 'python') === 'posix_basic') return str(item).replace(/[\].[^$*\\]/g, '\\$&');
    return str(item).replace(/[\s!"#$%&'()*+,./:;<=>?@[\\\]^`{|}~-]/g, (char) =>
      /["!%',/:;<=>@`]/.test(char) ? char : `\\${char}`,
    );
  }),
};

function is(item: Item | undefined): boolean {
  return asNumber(item) === 1;
}

/** The number or the name in `\\1` or `\\g<name>`. */
function groupName(wanted: string): string {
  const [, name, digits] = /^\\(?:g<(\w+)>|(\d+))$/.exec(wanted) ?? [];
  return name ?? digits ?? wrong("regex_search: a group is named as '\\\\1' or '\\\\g<name>'");
}

function group(found: RegExpExecArray, name: string): Item {
  return (/^\d+$/.test(name) ? found[Number(name)] : found.groups?.[name]) ?? null;
}
