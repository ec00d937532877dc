// Holding a configuration document against the schema, with messages in our words: where it stands, what is wrong, what would be right.
import type { z } from 'zod';
import type { ConfigError } from '../../config.js';
import { type ConfigDocument, type ConfigPath, errorAt, valueAt } from './config-document.js';
import { DeviceSpecError, parseDiskSpec, parseVifSpec } from './device-spec.js';
import { configSchema, fieldsOf, type RawDomain } from './domain-schema.js';
import { nearestName } from './nearest-name.js';
import { unsupportedFields } from './xl-fields.js';

type Issue = z.core.$ZodIssue;
type Place = 'file' | 'domain' | 'disk' | 'vif';

/** The domains of a document. @throws ConfigError about the first thing that is wrong */
export function checkDocument(document: ConfigDocument): RawDomain[] {
  const value = structuredClone(document.value);
  readDeviceSpecs(document, value);
  const result = configSchema.safeParse(value);
  if (result.success) return result.data.domains;
  throw errorOf(document, value, result.error.issues[0]);
}

/** Replaces the strings that describe disks and interfaces by records. */
function readDeviceSpecs(document: ConfigDocument, value: unknown): void {
  const domains = valueAt(value, ['domains']);
  if (!Array.isArray(domains)) return;
  for (const index of domains.keys()) {
    for (const [field, parse] of [
      ['disk', parseDiskSpec],
      ['vif', parseVifSpec],
    ] as const) {
      const list = valueAt(domains, [index, field]);
      if (!Array.isArray(list)) continue;
      for (const [i, item] of list.entries()) {
        if (typeof item !== 'string') continue;
        try {
          list[i] = parse(item);
        } catch (error) {
          if (!(error instanceof DeviceSpecError)) throw error;
          throw errorAt(document, ['domains', index, field, i], error.message);
        }
      }
    }
  }
}

function errorOf(document: ConfigDocument, value: unknown, issue: Issue): ConfigError {
  const [path, inner] = innermost(issue);
  if (inner.code === 'unrecognized_keys') {
    const [key] = inner.keys;
    return errorAt(document, [...path, key], unknownField(key, placeOf(path)));
  }
  return errorAt(document, path, describe(inner, valueAt(value, path)));
}

/** Strings were read already, so of a union's branches the last one says what is wrong. */
function innermost(issue: Issue): [ConfigPath, Issue] {
  const path = issue.path as ConfigPath;
  if (issue.code !== 'invalid_union') return [path, issue];
  const branch = issue.errors[issue.errors.length - 1]?.[0];
  if (branch === undefined) return [path, issue];
  const [rest, inner] = innermost(branch);
  return [[...path, ...rest], inner];
}

function placeOf(path: ConfigPath): Place {
  if (path.length < 2) return 'file';
  if (path[2] === 'disk') return 'disk';
  return path[2] === 'vif' ? 'vif' : 'domain';
}

function unknownField(key: string, place: Place): string {
  if (unsupportedFields[place].has(key))
    return "xl's field of this name is not supported; leave it out";
  const known = fieldsOf(place);
  const nearest = nearestName(key, known);
  if (nearest !== undefined) return `there is no such field; did you mean ${nearest}?`;
  return `there is no such field; there are ${known.join(', ')}`;
}

function describe(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return 'this field is missing';
      return `expected ${kindName(issue.expected)}, not ${valueText(value)}`;
    case 'invalid_value':
      return `${valueText(value)} is none of ${issue.values.join(', ')}`;
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? 'this must not be empty'
        : `${valueText(value)} is too small; the least is ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `the text is longer than ${issue.maximum} characters`
        : `${valueText(value)} is too large; the most is ${issue.maximum}`;
    case 'invalid_format':
      return `${valueText(value)} is not ${issue.message}`;
    default:
      return issue.message;
  }
}

const kindNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'fields',
};

function kindName(expected: string): string {
  return kindNames[expected] ?? expected;
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'fields';
  return typeof value === 'string' ? `"${value}"` : String(value);
}
