// Expressions of the assembler's text: integers, labels, `$` and the usual operators, over unbounded integers.

/** What names mean while a statement is assembled. */
export interface Scope {
  /** Address of the statement: `$`. */
  readonly here: bigint;
  /** Value of a label or constant. Throws AsmError when there is none. */
  valueOf(name: string): bigint;
}

export interface Expression {
  /** Depends on a label or on `$`: its value may change while sizes settle. */
  readonly isSymbolic: boolean;
  evaluate(scope: Scope): bigint;
}

/** A mistake in assembly text, or an operand that no encoding takes. */
export class AsmError extends Error {
  override readonly name = 'AsmError';
}

export const constant = (value: number | bigint): Expression => {
  const big = BigInt(value);
  return { isSymbolic: false, evaluate: () => big };
};

export const symbol = (name: string): Expression => ({
  isSymbolic: true,
  evaluate: (scope) => scope.valueOf(name),
});

const here: Expression = { isSymbolic: true, evaluate: (scope) => scope.here };

const binary = (
  a: Expression,
  b: Expression,
  apply: (x: bigint, y: bigint) => bigint,
): Expression =>
  a.isSymbolic || b.isSymbolic
    ? { isSymbolic: true, evaluate: (scope) => apply(a.evaluate(scope), b.evaluate(scope)) }
    : constant(apply(a.evaluate(nowhere), b.evaluate(nowhere)));

export const add = (a: Expression, b: Expression): Expression => binary(a, b, (x, y) => x + y);
export const subtract = (a: Expression, b: Expression): Expression => binary(a, b, (x, y) => x - y);

/** Scope of expressions without symbols. */
export const nowhere: Scope = {
  here: 0n,
  valueOf: (name) => {
    throw new AsmError(`${name} is not a constant`);
  },
};

const tokenPattern =
  /\s*(0x[0-9a-f_]+|0b[01_]+|[0-9][0-9a-f_]*h\b|[0-9][0-9_]*|'(?:[^'\\]|\\.)+'|"(?:[^"\\]|\\.)*"|\$\$|\$|[a-z_.?@][\w.?@$]*|<<|>>|\S)/giy;

/** Splits text into numbers, names, quoted strings and single signs. */
export function tokenize(text: string): string[] {
  const tokens: string[] = [];
  tokenPattern.lastIndex = 0;
  for (let match = tokenPattern.exec(text); match; match = tokenPattern.exec(text))
    tokens.push(match[1]);
  return tokens;
}

/** The characters of a quoted token. */
export function unquote(token: string): string {
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0' };
  return token.slice(1, -1).replace(/\\(.)/g, (_, c: string) => escapes[c] ?? c);
}

export function numberOf(token: string): bigint | null {
  const plain = token.replaceAll('_', '').toLowerCase();
  if (/^(0x[0-9a-f]+|0b[01]+|[0-9]+)$/.test(plain)) return BigInt(plain);
  if (/^[0-9][0-9a-f]*h$/.test(plain)) return BigInt(`0x${plain.slice(0, -1)}`);
  return null;
}

const levels: readonly Readonly<Record<string, (x: bigint, y: bigint) => bigint>>[] = [
  { '|': (x, y) => x | y },
  { '^': (x, y) => x ^ y },
  { '&': (x, y) => x & y },
  { '<<': (x, y) => x << y, '>>': (x, y) => x >> y },
  { '+': (x, y) => x + y, '-': (x, y) => x - y },
  {
    '*': (x, y) => x * y,
    '/': (x, y) => divide(x, y, (a, b) => a / b),
    '%': (x, y) => divide(x, y, (a, b) => a % b),
  },
];

function divide(x: bigint, y: bigint, apply: (x: bigint, y: bigint) => bigint): bigint {
  if (y === 0n) throw new AsmError('division by zero');
  return apply(x, y);
}

/** Reads tokens from the front; what it leaves is the caller's. */
export class TokenReader {
  private at = 0;
  private readonly tokens: readonly string[];
  /** What a name stands for: a constant's value, or its full label name. */
  private readonly resolve: (name: string) => Expression;

  constructor(tokens: readonly string[], resolve: (name: string) => Expression = symbol) {
    this.tokens = tokens;
    this.resolve = resolve;
  }

  get peek(): string | undefined {
    return this.tokens[this.at];
  }
  /** The token after `count` others. */
  ahead(count: number): string | undefined {
    return this.tokens[this.at + count];
  }
  get isDone(): boolean {
    return this.at >= this.tokens.length;
  }
  next(): string {
    if (this.isDone) throw new AsmError('the line ends too early');
    return this.tokens[this.at++];
  }
  /** Takes the next token if it is `text`, in any case. */
  take(text: string): boolean {
    if (this.peek?.toLowerCase() !== text) return false;
    this.at++;
    return true;
  }
  expect(text: string): void {
    if (!this.take(text))
      throw new AsmError(`expected ${text} before ${this.peek ?? 'the end of the line'}`);
  }

  expression(level = 0): Expression {
    if (level === levels.length) return this.unary();
    let left = this.expression(level + 1);
    for (;;) {
      const apply = levels[level][this.peek ?? ''];
      if (!apply) return left;
      this.at++;
      left = binary(left, this.expression(level + 1), apply);
    }
  }

  /** A product: what stands between the + and - of an address. */
  term(): Expression {
    return this.expression(levels.length - 1);
  }

  private unary(): Expression {
    const token = this.next();
    if (token === '-') return binary(constant(0), this.unary(), (x, y) => x - y);
    if (token === '+') return this.unary();
    if (token === '~') return binary(constant(-1), this.unary(), (x, y) => x ^ y);
    if (token === '(') {
      const inner = this.expression();
      this.expect(')');
      return inner;
    }
    if (token === '$') return here;
    const number = numberOf(token);
    if (number !== null) return constant(number);
    if (token[0] === "'")
      return constant(
        [...unquote(token)].reduceRight((n, c) => n * 256n + BigInt(c.charCodeAt(0)), 0n),
      );
    if (/^(\$\$|[a-z_.?@])/i.test(token)) return this.resolve(token);
    throw new AsmError(`${token} is no number, name or operator`);
  }
}
