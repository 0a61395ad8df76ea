import { Document, isMap, type YAMLSeq } from 'yaml';

/**
 * A list of maps as YAML, as people write a checks file or a playbook: a blank line between the items, and `comment` above
 * the first.
 */
export function listText(items: readonly Readonly<Record<string, unknown>>[], comment: string): string {
  const document = new Document(items);
  document.commentBefore = ` ${comment}`;
  for (const item of (document.contents as YAMLSeq).items.slice(1)) if (isMap(item)) item.spaceBefore = true;
  return document.toString({ lineWidth: 110, flowCollectionPadding: false });
}
