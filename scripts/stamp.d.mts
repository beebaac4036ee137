/** Whether no source and no built file changed since the last build. */
export function isBuilt(): boolean;
