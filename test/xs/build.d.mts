export class PackageMissing extends Error {}
export function build(options?: { m64?: boolean }): Promise<string>;
