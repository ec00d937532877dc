// A YAML (or JSON) file as a ConfigDocument.
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { ConfigError } from '../../config.js';
import {
  type ConfigDocument,
  type ConfigPath,
  type ConfigPosition,
  positionText,
} from './config-document.js';

/** @throws ConfigError about the file's syntax */
export function parseYamlDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const position = (offset: number): ConfigPosition => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw new ConfigError('', `${positionText(file, position(problem.pos[0]))}${problem.message}`);
  }
  return {
    file,
    value: toValue(document, file),
    positionOf: (path) => position(offsetOf(document, path)),
  };
}

function toValue(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that would grow without bound.
    throw new ConfigError('', `${file}:1:1: ${(error as Error).message}`, { cause: error });
  }
}

/** Of the value, of its key if the value is no node of its own, or of what they are part of. */
function offsetOf(document: Document.Parsed, path: ConfigPath): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    const parent =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair !== undefined && isNode(pair.key) && pair.key.range) return pair.key.range[0];
    }
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}
