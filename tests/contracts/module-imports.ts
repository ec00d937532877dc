// Which modules a source file names.
import ts from 'typescript';
import { type SourceFile, visitAll } from './source-tree.js';

export interface ModuleImport {
  readonly specifier: string;
  readonly node: ts.Node;
  /** Nothing is left of it in JavaScript. */
  readonly isType: boolean;
  /** `import('…')`: loaded when it runs, and not with the file. */
  readonly isDynamic: boolean;
}

/** Whether each name that an import or export lists is a type's. */
function namesTypesOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    if (node.isTypeOnly) return true;
    const names =
      node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause : null;
    return names?.elements.every((each) => each.isTypeOnly) ?? false;
  }
  const clause = node.importClause;
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const names = clause.namedBindings;
  return (
    !clause.name &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.every((each) => each.isTypeOnly)
  );
}

/** Every module a file names: imports, re-exports, dynamic imports, `import('…')` types, and `new URL('./…', import.meta.url)`. */
export function importsOf(file: SourceFile): ModuleImport[] {
  const found: ModuleImport[] = [];
  const add = (node: ts.Node | undefined, isType = false, isDynamic = false) => {
    if (node && ts.isStringLiteralLike(node))
      found.push({ specifier: node.text, node, isType, isDynamic });
  };
  visitAll(file.tree, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      add(node.moduleSpecifier, namesTypesOnly(node));
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (
      ts.isNewExpression(node) &&
      node.expression.getText(file.tree) === 'URL' &&
      node.arguments?.[1]?.getText(file.tree) === 'import.meta.url'
    )
      add(node.arguments[0]);
  });
  return found;
}
