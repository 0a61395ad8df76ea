import type { Module } from './module.ts';
export function moduleDoc(module: Module): string {
  return module.summary;
}
