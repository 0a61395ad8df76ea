// The edits of the module xml.
import type { Value } from '../../core/value.ts';
import {
  type Element,
  elementsIn,
  find,
  isBlank,
  isElement,
  leadingText,
  meaningOf,
  type Namespaces,
  type Node,
  nodesIn,
  parseXml,
  setLeadingText,
  type Xml,
  XmlError,
} from './xml.ts';

type Where = Readonly<{ xpath: string; namespaces: Namespaces }>;
export type ChildKind = 'yaml' | 'xml';

/** Removes what the expression finds, elements with the white space before them. */
export function remove({ document }: Xml, { xpath, namespaces }: Where): void {
  for (const node of find(xpath, document, namespaces)) {
    if (node.nodeType === 2) {
      const { ownerElement } = node as unknown as { ownerElement: Element };
      ownerElement.removeAttribute(node.nodeName);
      continue;
    }
    const parent = node.parentNode;
    if (parent === null || parent === document) throw new XmlError(`${xpath} is the root, which cannot be removed`);
    const before = node.previousSibling;
    const isLaidOut = before !== null && isBlank(before) && (node.nextSibling === null || isBlank(node.nextSibling));
    if (isLaidOut) parent.removeChild(before);
    parent.removeChild(node);
  }
}

/** Sets the text, or an attribute, of the elements that the expression finds. Creates one if there is none. */
export function setValue(xml: Xml, where: Where, attribute: string | undefined, value: string): void {
  make(xml, where, xml.document);
  const found = find(where.xpath, xml.document, where.namespaces);
  if (!found.some(isElement)) {
    throw new XmlError(
      `${where.xpath} leads to no element; an attribute is set with 'attribute' and the path of its element`,
    );
  }
  for (const element of found.filter(isElement)) {
    if (attribute !== undefined) setAttribute(element, attribute, value, where.namespaces);
    else if ((leadingText(element) ?? '') !== value) setLeadingText(xml, element, value);
  }
}

/** Adds children to each element that the expression finds, or before the first or after the last of them. */
export function addChildren(
  xml: Xml,
  { xpath, namespaces }: Where,
  children: readonly Value[],
  kind: ChildKind,
  beside: 'before' | 'after' | undefined,
): void {
  const found = find(xpath, xml.document, namespaces).filter(isElement);
  if (beside === undefined) {
    for (const element of found) for (const child of children) append(xml, element, childOf(xml, element, child, kind));
    return;
  }
  const target = beside === 'before' ? found[0] : found.at(-1);
  const parent = target?.parentNode ?? null;
  if (target === undefined) return;
  if (!isElement(parent)) throw new XmlError(`${xpath} is the root, beside which there can be no element`);
  const space = isBlank(target.previousSibling) ? (target.previousSibling?.nodeValue ?? '') : '';
  const next = beside === 'before' ? target : target.nextSibling;
  for (const child of children) {
    const made = childOf(xml, parent, child, kind);
    if (beside === 'before') {
      parent.insertBefore(made, next);
      parent.insertBefore(xml.document.createTextNode(space), next);
    } else {
      parent.insertBefore(xml.document.createTextNode(space), next);
      parent.insertBefore(made, next);
    }
  }
}

/** Replaces the child elements of what the expression finds, unless they are the same already. */
export function setChildren(xml: Xml, { xpath, namespaces }: Where, children: readonly Value[], kind: ChildKind): void {
  for (const element of find(xpath, xml.document, namespaces).filter(isElement)) {
    const made = children.map((child) => childOf(xml, element, child, kind));
    const old = elementsIn(element);
    if (old.length === made.length && old.every((one, i) => meaningOf(one) === meaningOf(made[i] as Element))) continue;
    const [lead, end] = [element.firstChild, element.lastChild].map((node) => (isBlank(node) ? node?.nodeValue : null));
    for (const node of nodesIn(element)) if (isElement(node) || isBlank(node)) element.removeChild(node);
    for (const one of made) {
      element.appendChild(xml.document.createTextNode(lead ?? ''));
      element.appendChild(one);
    }
    element.appendChild(xml.document.createTextNode(made.length === 0 ? '' : (end ?? '')));
  }
}

/** Appends a child with the white space that its siblings have. */
function append({ document }: Xml, element: Element, child: Element): void {
  const last = element.lastChild;
  const first = element.firstChild;
  if (last === null || first === null || last === first || !isBlank(last) || !isBlank(first)) {
    element.appendChild(child);
    return;
  }
  element.insertBefore(document.createTextNode(first.nodeValue ?? ''), last);
  element.insertBefore(child, last);
}

/** An element of a child in the form of the task: a name, or a dict of one name with its text, or with more. */
function childOf(xml: Xml, parent: Element, child: Value, kind: ChildKind): Element {
  if (kind === 'xml') {
    if (typeof child !== 'string') throw new XmlError('a child with `input_type: xml` is a text');
    return xml.document.importNode(parseXml(child).root, true);
  }
  if (typeof child === 'string') return created(xml, parent, child, {});
  const entries = typeof child === 'object' && child !== null && !Array.isArray(child) ? Object.entries(child) : [];
  const [name, inside] = (entries[0] ?? []) as readonly [string?, Value?];
  if (name === undefined || entries.length !== 1) throw new XmlError('a child is a name, or a dict with one name');
  const element = created(xml, parent, name, {});
  if (typeof inside !== 'object' || inside === null) {
    if (inside !== null && inside !== undefined) setLeadingText(xml, element, textOf(inside));
    return element;
  }
  for (const [key, value] of Object.entries(inside)) {
    if (key === '+value') setLeadingText(xml, element, textOf(value));
    else if (key !== '_') element.setAttribute(key, textOf(value));
    else if (!Array.isArray(value)) throw new XmlError("'_' of a child is a list of children");
    else for (const one of value as readonly Value[]) element.appendChild(childOf(xml, element, one, kind));
  }
  return element;
}

function textOf(value: Value | undefined): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new XmlError(`a text is expected, not ${JSON.stringify(value)}; write it in quotes`);
}

/** A new element for a parent: in the parent's default namespace, unless the name has a prefix. */
function created({ document }: Xml, parent: Node, name: string, namespaces: Namespaces): Element {
  const [, braced, bare = name] = /^\{(.*)\}(.*)$/.exec(name) ?? [];
  const [prefix, local] = bare.includes(':') ? (bare.split(':') as [string, string]) : [undefined, bare];
  if (!/^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(local)) throw new XmlError(`'${local}' is no name of an element`);
  if (braced === undefined && prefix === undefined) {
    return document.createElementNS(defaultSpace(parent), local);
  }
  const uri = braced ?? namespaces[prefix ?? ''] ?? parent.lookupNamespaceURI(prefix ?? '');
  if (uri === null || uri === undefined) throw new XmlError(`'namespaces' has no prefix '${prefix}'`);
  if (defaultSpace(parent) === uri) return document.createElementNS(uri, local);
  return document.createElementNS(
    uri,
    [prefixOf(parent, uri) ?? prefix, local].filter((one) => one !== undefined).join(':'),
  );
}

/** The prefix of a namespace at a node. undefined: it has none there. */
function prefixOf(node: Node, uri: string): string | undefined {
  const known = node.lookupPrefix(uri);
  return known === null || known === '' ? undefined : known;
}

/** The namespace of names without a prefix below a node. */
function defaultSpace(node: Node | null): string | null {
  if (!isElement(node)) return null;
  return node.hasAttribute('xmlns') ? node.getAttribute('xmlns') : defaultSpace(node.parentNode);
}

function setAttribute(element: Element, name: string, value: string, namespaces: Namespaces): void {
  const [prefix, local = ''] = name.includes(':') ? name.split(':') : [undefined, name];
  if (prefix === undefined) {
    element.setAttribute(name, value);
    return;
  }
  const uri = namespaces[prefix] ?? element.lookupNamespaceURI(prefix);
  if (uri === null || uri === undefined) throw new XmlError(`'namespaces' has no prefix '${prefix}'`);
  element.setAttributeNS(uri, `${prefixOf(element, uri) ?? prefix}:${local}`, value);
}

const NAME = '[A-Za-z_-][\\w.-]*(?::[A-Za-z_-][\\w.-]*)?';
const TEXT = `(?:'(.*)'|"(.*)")`;
/** The ends of an expression that say what to create: an element, an attribute, a text. */
const ELEMENT = new RegExp(`^(.*)/(${NAME})(?:/text\\(\\)\\s*=\\s*${TEXT})?$`);
const ATTRIBUTE = new RegExp(`^(.*)/@(${NAME})(?:\\s*=\\s*${TEXT})?$`);
const FILTERED = new RegExp(`^(.*)/(${NAME})\\[(.*)\\]$`);
const ONLY_TEXT = new RegExp(`^(.*)/text\\(\\)\\s*=\\s*${TEXT}$`);

/**
 * Creates what a simple expression names: missing elements on its way, and the attributes and texts that it asks for.
 * Throws XmlError if the expression does not say what to create.
 */
export function make(xml: Xml, { xpath, namespaces }: Where, from: Node): void {
  const expression = xpath.trim();
  const at = (path: string): readonly Element[] => {
    if (path === '') return [xml.root];
    const here = (): readonly Element[] => find(path, from, namespaces).filter(isElement);
    if (here().length === 0 && path !== '.') make(xml, { xpath: path, namespaces }, from);
    return path === '.' && isElement(from) ? [from] : here();
  };
  const isThere = (): boolean => find(expression, from, namespaces).length > 0;
  const attribute = ATTRIBUTE.exec(expression);
  if (attribute !== null) {
    const [, path = '', name = '', one, other] = attribute;
    const value = one ?? other;
    if (value === undefined && isThere()) return;
    for (const element of at(path)) setAttribute(element, name, value ?? '', namespaces);
    return;
  }
  if (isThere()) return;
  const element = ELEMENT.exec(expression);
  if (element !== null) {
    const [, path = '', name = '', one, other] = element;
    if (path === '') throw new XmlError(`${expression} is another root than <${xml.root.nodeName}>`);
    const text = one ?? other;
    const inside = text === undefined ? undefined : find(`${path}/${name}`, from, namespaces).find(isElement);
    if (inside !== undefined && text !== undefined) {
      if (leadingText(inside) !== text) setLeadingText(xml, inside, text);
      return;
    }
    for (const parent of at(path)) {
      const made = created(xml, parent, name, namespaces);
      if (text !== undefined) setLeadingText(xml, made, text);
      append(xml, parent, made);
    }
    return;
  }
  const filtered = FILTERED.exec(expression);
  if (filtered !== null) {
    const [, path = '', name = '', conditions = ''] = filtered;
    for (const parent of at(path)) {
      const made = created(xml, parent, name, namespaces);
      append(xml, parent, made);
      for (const one of conditions.split(' and ')) make(xml, { xpath: `./${one.trim()}`, namespaces }, made);
    }
    return;
  }
  const only = ONLY_TEXT.exec(expression);
  if (only === null) throw new XmlError(`${expression} finds nothing, and does not say what to create`);
  for (const one of at(only[1] ?? '')) setLeadingText(xml, one, only[2] ?? only[3] ?? '');
}
