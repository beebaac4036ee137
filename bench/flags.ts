/** Reads an integer of the command line. Ends the process with status 2 if it is not one from `min` to `max`. */
export function integerFlag(name: string, text: string, min: number, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  return exitWithUsage(`--${name}: ${text} is not an integer from ${min} to ${max}`);
}

/** Ends the process with the status of a wrong option. */
export function exitWithUsage(message: string): never {
  console.error(message);
  process.exit(2);
}
