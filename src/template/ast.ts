import type { Item } from './item.ts';

/** `p` is the offset in the text, for messages. */
type At = Readonly<{ p: number }>;
export type CallArgs = Readonly<{
  positional: readonly Readonly<{ spread: boolean; value: Expr }>[];
  named: readonly Readonly<{ name: string | undefined; value: Expr }>[]; // without a name: **value
}>;
export type Branch = Readonly<{ test: Expr; body: Body }>;
export type Parameter = Readonly<{ name: string; fallback: Expr | undefined }>;
export type Expr = At &
  (
    | Readonly<{ kind: 'literal'; value: Item }>
    | Readonly<{ kind: 'name'; name: string }>
    | Readonly<{ kind: 'list' | 'tuple'; items: readonly Expr[] }>
    | Readonly<{ kind: 'dict'; entries: readonly (readonly [Expr, Expr])[] }>
    | Readonly<{ kind: 'attr'; of: Expr; name: string }>
    | Readonly<{ kind: 'item'; of: Expr; key: Expr }>
    | Readonly<{ kind: 'slice'; of: Expr; bounds: readonly (Expr | undefined)[] }>
    | Readonly<{ kind: 'call'; of: Expr; args: CallArgs }>
    | Readonly<{ kind: 'filter'; input: Expr; name: string; args: CallArgs }>
    | Readonly<{ kind: 'test'; input: Expr; name: string; not: boolean; args: CallArgs }>
    | Readonly<{ kind: 'not' | 'minus' | 'plus'; of: Expr }>
    | Readonly<{ kind: 'binary'; sign: string; left: Expr; right: Expr }>
    | Readonly<{ kind: 'and' | 'or'; left: Expr; right: Expr }>
    | Readonly<{ kind: 'compare'; first: Expr; rest: readonly Readonly<{ sign: string; right: Expr; p: number }>[] }>
    | Readonly<{ kind: 'if'; test: Expr; yes: Expr; otherwise: Expr | undefined }>
    | Readonly<{ kind: 'body' }> // the text of a {% filter %} or {% set x | upper %} block: the input of its filters
  );

/** The target of an assignment: a name, several targets, or a field of a namespace. */
export type Target = At &
  (
    | Readonly<{ kind: 'to'; name: string }>
    | Readonly<{ kind: 'field'; of: string; name: string }>
    | Readonly<{ kind: 'several'; targets: readonly Target[] }>
  );

export type Body = readonly Statement[];
export type Block = Extract<Statement, { kind: 'block' }>;
export type Statement = At &
  (
    | Readonly<{ kind: 'text'; text: string }>
    | Readonly<{ kind: 'output'; value: Expr }>
    | Readonly<{ kind: 'if'; branches: readonly Branch[]; otherwise: Body }>
    | Readonly<{
        kind: 'for';
        target: Target;
        over: Expr;
        filter: Expr | undefined;
        recursive: boolean;
        body: Body;
        otherwise: Body;
      }>
    | Readonly<{ kind: 'set'; target: Target; value: Expr }>
    | Readonly<{ kind: 'setBlock'; target: Target; through: Expr; body: Body }>
    | Readonly<{ kind: 'with'; given: readonly (readonly [Target, Expr])[]; body: Body }>
    | Readonly<{ kind: 'macro'; name: string; parameters: readonly Parameter[]; body: Body }>
    | Readonly<{ kind: 'call'; parameters: readonly Parameter[]; call: Extract<Expr, { kind: 'call' }>; body: Body }>
    | Readonly<{ kind: 'filter'; through: Expr; body: Body }>
    | Readonly<{ kind: 'do'; value: Expr }>
    | Readonly<{ kind: 'break' | 'continue' }>
    | Readonly<{ kind: 'block'; name: string; scoped: boolean; required: boolean; body: Body }>
    | Readonly<{ kind: 'extends'; file: Expr }>
    | Readonly<{ kind: 'include'; file: Expr; optional: boolean; context: boolean }>
    | Readonly<{ kind: 'import'; file: Expr; as: string; context: boolean }>
    | Readonly<{ kind: 'from'; file: Expr; names: readonly (readonly [string, string])[]; context: boolean }>
  );
