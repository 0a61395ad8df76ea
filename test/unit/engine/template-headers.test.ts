import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

const TASK = play("- template: {src: x.j2, dest: '{T}/out'}");
const LINES = '{% for n in [1, 2] %}\n  {% if true %}\n[{{ n }}]\n  {% endif %}\n{% endfor %}\n';
const TRIMMED = '[1]\n[2]\n';
const INDENTED = '  [1]\n    [2]\n  \n';

describe('the #jinja2: line of a template', () => {
  it.each([
    ['without one, blocks are trimmed on the right only', LINES, INDENTED],
    ['trims on the left too', `#jinja2: lstrip_blocks: True\n${LINES}`, TRIMMED],
    ['with the words quoted', `#jinja2: trim_blocks: "true", lstrip_blocks: "true"\n${LINES}`, TRIMMED],
    ['with single quotes', `#jinja2:lstrip_blocks:'True'\n${LINES}`, TRIMMED],
    ['keeps line ends', '#jinja2: trim_blocks: False\n{% if true %}\nx\n{% endif %}\nend\n', '\nx\n\nend\n'],
    [
      'changes the marks',
      "#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n[[ 1 ]] {{ 2 }}\n",
      '1 {{ 2 }}\n',
    ],
  ])('%s', async (_, template, written) => {
    const p = project({ 'site.yml': TASK, 'x.j2': template });
    await p.apply();
    expect(p.read('out')).toBe(written);
  });

  it.each([
    ["a quoted 'false', which Ansible takes for true", 'trim_blocks: "false"'],
    ['an unknown option', 'trim_block: True'],
    ['a value of another kind', 'lstrip_blocks: 1'],
  ])('refuses %s', async (_, header) => {
    const p = project({ 'site.yml': TASK, 'x.j2': `#jinja2: ${header}\n${LINES}` });
    expect((await p.apply()).tasks[0]?.diagnostic?.code).toBe('E_JINJA2_HEADER');
    expect(() => p.read('out')).toThrow();
  });
});
