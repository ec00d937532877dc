// How generated code names a routine's ordinary cases among its imports.

/** They take the state page's address before the routine's arguments. */
export const fastName = (routine: string): string => `fast ${routine}`;
