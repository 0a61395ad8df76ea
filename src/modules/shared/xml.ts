// A document of XML: reads it, finds nodes by XPath, and writes it back with what stands around its root as it was.
import { DOMParser, type Document, type Element, type Node, ParseError, XMLSerializer } from '@xmldom/xmldom';
import * as xpath from 'xpath';

export type { Element, Node };
export type Namespaces = Readonly<Record<string, string>>;

/** The text is no XML, or the expression no XPath. */
export class XmlError extends Error {}

export type Xml = Readonly<{
  document: Document;
  root: Element;
  /** What stands before and after the root element. */
  head: string;
  tail: string;
}>;

/** Throws XmlError. Entities of the document's own are not expanded, and nothing is read from elsewhere. */
export function parseXml(text: string): Xml {
  const start = rootStart(text);
  const problems: string[] = [];
  const onError = (level: 'error' | 'warning' | 'fatalError', message: string): void => {
    if (level !== 'warning') problems.push(message);
  };
  let document: Document;
  try {
    document = new DOMParser({ onError }).parseFromString(text.replace(/^\uFEFF/, ''), 'text/xml');
  } catch (error) {
    if (error instanceof ParseError) throw new XmlError(short(problems[0] ?? error.message));
    throw error;
  }
  const root = document.documentElement;
  if (problems.length > 0 || root === null) throw new XmlError(short(problems[0] ?? 'there is no element'));
  const tail = /(?:\s|<!--(?:(?!-->)[\s\S])*-->|<\?(?:(?!\?>)[\s\S])*\?>)*$/.exec(text)?.[0] ?? '';
  return { document, root, head: text.slice(0, start), tail };
}

const short = (message: string): string => message.split('\n')[0]?.replace(/^\[xmldom \w+\]\s*/, '') ?? '';

/** Where the root element begins: after declarations, comments and the document type. */
function rootStart(text: string): number {
  const before =
    /^\uFEFF?(?:\s+|<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!DOCTYPE[^[>]*(?:\[(?:[^\]"']|"[^"]*"|'[^']*')*\]\s*)?>)*/.exec(
      text,
    );
  return before?.[0].length ?? 0;
}

export function writeXml({ root, head, tail }: Xml): string {
  return head + serialized(root) + tail;
}

export function serialized(node: Node): string {
  return new XMLSerializer().serializeToString(node);
}

/** The nodes that an expression finds. A result that is no set of nodes counts as none. Throws XmlError. */
export function find(expression: string, from: Node, namespaces: Namespaces): readonly Node[] {
  try {
    const select = xpath.useNamespaces({ ...namespaces }) as unknown as (expression: string, node: Node) => unknown;
    const found = select(expression, from);
    return Array.isArray(found) ? (found as Node[]) : [];
  } catch (error) {
    throw new XmlError(`${expression}: ${short((error as Error).message)}`);
  }
}

export const isElement = (node: Node | null): node is Element => node?.nodeType === 1;
export const isText = (node: Node | null): boolean => node?.nodeType === 3 || node?.nodeType === 4;
export const isBlank = (node: Node | null): boolean => node?.nodeType === 3 && /^\s*$/.test(node.nodeValue ?? '');

export function nodesIn(parent: Node): readonly Node[] {
  const out: Node[] = [];
  for (let node = parent.firstChild; node !== null; node = node.nextSibling) out.push(node);
  return out;
}
export const elementsIn = (parent: Node): readonly Element[] => nodesIn(parent).filter(isElement);

/** The text before the first child element or comment, as lxml's `text`. */
export function leadingText(element: Element): string | null {
  const nodes = leading(element);
  return nodes.length === 0 ? null : nodes.map((node) => node.nodeValue ?? '').join('');
}

export function setLeadingText({ document }: Pick<Xml, 'document'>, element: Element, text: string): void {
  for (const node of leading(element)) element.removeChild(node);
  if (text !== '') element.insertBefore(document.createTextNode(text), element.firstChild);
}

function leading(element: Element): readonly Node[] {
  const all = nodesIn(element);
  const end = all.findIndex((node) => !isText(node));
  return end < 0 ? all : all.slice(0, end);
}

/** The name with its namespace in braces, as lxml has it. */
export function tagOf(node: Node): string {
  const name = ('localName' in node ? (node as Element).localName : null) ?? node.nodeName;
  const uri = 'namespaceURI' in node ? (node as Element).namespaceURI : null;
  return uri === null || uri === '' ? name : `{${uri}}${name}`;
}

/** The path of a node: /business/beers/beer[2]. */
export function pathOf(node: Node): string {
  if (node.nodeType === 2)
    return `${pathOf((node as unknown as { ownerElement: Node }).ownerElement)}/@${node.nodeName}`;
  const parent = node.parentNode;
  if (parent === null || node.nodeType === 9) return '';
  if (!isElement(node)) return `${pathOf(parent)}/text()`;
  const alike = elementsIn(parent).filter((one) => one.nodeName === node.nodeName);
  const at = alike.length > 1 ? `[${alike.indexOf(node) + 1}]` : '';
  return `${pathOf(parent)}/${node.nodeName}${at}`;
}

/** The document without what only lays it out, to compare two. */
export function meaningOf(node: Node): string {
  if (!isElement(node)) return isBlank(node) ? '' : serialized(node);
  const attributes = [...Array(node.attributes.length).keys()]
    .map((i) => node.attributes.item(i))
    .map((one) => `${one === null ? '' : tagOf(one)}=${JSON.stringify(one?.value)}`)
    .sort();
  const hasElements = elementsIn(node).length > 0;
  const inside = nodesIn(node).map((one) =>
    hasElements ? meaningOf(one) : isElement(one) ? '' : (one.nodeValue ?? ''),
  );
  return `<${tagOf(node)} ${attributes.join(' ')}>${inside.join('')}</>`;
}

/** Lays the elements out anew, two blanks for each level. An element with text keeps what it has inside. */
export function prettify(xml: Xml, element: Element = xml.root, level = 0): void {
  const children = nodesIn(element);
  if (children.every((node) => !isElement(node)) || children.some((node) => isText(node) && !isBlank(node))) return;
  for (const node of children.filter(isBlank)) element.removeChild(node);
  for (const node of nodesIn(element)) {
    element.insertBefore(xml.document.createTextNode(`\n${'  '.repeat(level + 1)}`), node);
    if (isElement(node)) prettify(xml, node, level + 1);
  }
  element.appendChild(xml.document.createTextNode(`\n${'  '.repeat(level)}`));
}

/** Turns sections of CDATA into plain text. */
export function stripCdata({ document }: Pick<Xml, 'document'>, element: Node): void {
  for (const node of nodesIn(element)) {
    if (node.nodeType === 4) element.replaceChild(document.createTextNode(node.nodeValue ?? ''), node);
    else stripCdata({ document }, node);
  }
}
