import { failure } from '../core/errors/index.ts';
import type { Play, Playbook, Prompt } from '../core/playbook.ts';
import { type Raw, type RawVars, Secret, TemplateText, type Value } from '../core/value.ts';
import { ask } from './connections.ts';
import type { Project } from './project.ts';

/**
 * Asks for the variables of `vars_prompt`, before any host is contacted. Without a terminal, their defaults count.
 * Throws Failure if there is none.
 */
export async function askPrompts(playbook: Playbook, project: Project): Promise<ReadonlyMap<Play, RawVars>> {
  const all = new Map<Play, RawVars>();
  for (const play of playbook.plays) {
    if (play.prompts.length === 0) continue;
    const vars: Record<string, Raw> = {};
    for (const prompt of play.prompts) vars[prompt.name] = await answerTo(prompt, project);
    all.set(play, vars);
  }
  return all;
}

async function answerTo(prompt: Prompt, project: Project): Promise<Raw> {
  const { isPrivate, at, name } = prompt;
  const given = await typed(prompt);
  const value = given === undefined || given === '' ? prompt.default : given;
  if (value === undefined) {
    if (given === undefined) throw failure('E_NO_ANSWER', { name }, at);
    return '';
  }
  if (!isPrivate && prompt.encrypt === undefined) return value;
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  project.redactor.add(String(value));
  return prompt.encrypt === undefined ? new Secret(String(value)) : hashed(String(value), prompt, project);
}

async function typed({ prompt, default: usual, isPrivate, isConfirmed }: Prompt): Promise<string | undefined> {
  const shown = usual === undefined || usual === null ? '' : ` [${String(usual)}]`;
  for (;;) {
    const answer = await ask(`${prompt}${shown}: `, { echo: !isPrivate });
    if (!isConfirmed || answer === undefined) return answer;
    if ((await ask(`confirm ${prompt}: `, { echo: !isPrivate })) === answer) return answer;
    process.stderr.write('The two answers differ.\n');
  }
}

function hashed(text: string, { encrypt, salt, saltSize, at }: Prompt, { templates }: Project): Value {
  const chars = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const random = Array.from(crypto.getRandomValues(new Uint8Array(saltSize)), (n) => chars[n % chars.length]).join('');
  const scope = templates.scope([{ text: new Secret(text), scheme: encrypt ?? '', salt: salt ?? random }]);
  return templates.resolve(new TemplateText('{{ text | password_hash(scheme, salt) }}', at), scope);
}
