// The parts of the index: what a program finds in one of them is what it finds in the whole.
import { expect, it } from 'vitest';
import * as whole from '../index.js';
import * as pc from './pc/index.js';
import * as xen from './xen/index.js';

it('all but configuration files of domains is in one of the parts, and all of the parts in the index', () => {
  const { configJsonSchema, parseDomainConfig, readDomainConfig, ...parts } = whole;
  expect({ ...pc, ...xen }).toEqual(parts);
});

it('no name is in two parts', () => {
  expect(Object.keys(pc).filter((name) => name in xen)).toEqual([]);
});
