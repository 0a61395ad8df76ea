import { codecFilters } from './filters/codec.ts';
import { communityFilters } from './filters/community.ts';
import { dictFilters } from './filters/dict.ts';
import { listFilters } from './filters/list.ts';
import { networkFilters } from './filters/network.ts';
import { networkMathFilters } from './filters/network-math.ts';
import { numberFilters } from './filters/number.ts';
import { pathFilters } from './filters/path.ts';
import { regexFilters } from './filters/regex.ts';
import { setFilters } from './filters/sets.ts';
import { textFilters } from './filters/text.ts';
import { timeFilters } from './filters/time.ts';
import { unitFilters } from './filters/units.ts';
import { valueFilters } from './filters/value.ts';
import type { Operation } from './operation.ts';

/** Every filter by its short name. */
export const filters: Readonly<Record<string, Operation>> = {
  ...valueFilters,
  ...textFilters,
  ...regexFilters,
  ...listFilters,
  ...setFilters,
  ...dictFilters,
  ...numberFilters,
  ...codecFilters,
  ...pathFilters,
  ...timeFilters,
  ...networkFilters,
  ...networkMathFilters,
  ...unitFilters,
  ...communityFilters,
};

/**
 * A plugin's short name: `ansible.builtin.bool` and `community.general.…` mean the same as the name without the prefix.
 */
export function plain(name: string): string {
  return name.replace(/^(?:ansible\.(?:builtin|legacy|utils|netcommon)|community\.(?:general|crypto))\./, '');
}
