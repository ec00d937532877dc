// Generated documents are committed, so that they can be read without a build; they must be what their generator writes.
import { expect, it } from 'vitest';
import { generatedDocuments } from '../../tools/generate-docs.js';
import { readText } from './source-tree.js';

it.each(Object.keys(generatedDocuments))('%s is up to date (npm run docs)', (path) => {
  expect(readText(path) === generatedDocuments[path]()).toBe(true);
});
