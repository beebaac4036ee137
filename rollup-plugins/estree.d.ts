import type { AstNode } from "rollup";

/** The functions and methods at the top level of a program: names, nodes and, of methods, classes. */
export function topFunctions(program: AstNode): { name: string; node: AstNode; owner: AstNode | null }[];
